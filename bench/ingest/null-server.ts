// The floor of receiving: reads each body and answers 200. node null-server.js <port>
import { createServer } from 'node:http';

createServer((request, response) => {
  request.resume();
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end());
}).listen(Number(process.argv[2]), '127.0.0.1', () => process.stdout.write('ready\n'));
