import { StringDecoder } from 'node:string_decoder';

/**
 * Cuts CSV as RFC 4180 has it (fields in quotes may hold commas, line ends and doubled quotes) into records, fed in any
 * pieces; empty lines are passed over, a byte order mark and `\r` before a line end are dropped. Hand-made because what
 * matters is the speed on lines without quotes, which a general parser reads about ten times slower.
 */
export class CsvCutter {
  private readonly decoder = new StringDecoder('utf8');
  private rest = '';
  private atStart = true;

  constructor(private readonly onRecord: (fields: string[]) => void) {}

  push(chunk: Buffer): void {
    this.take(this.decoder.write(chunk));
  }

  /** To be called once after the last chunk: it may end without a line end. */
  end(): void {
    this.take(this.decoder.end());
    if (this.rest !== '') this.emit(this.rest);
    this.rest = '';
  }

  private take(piece: string): void {
    let text = this.rest === '' ? piece : this.rest + piece;
    if (this.atStart && text !== '') {
      if (text.startsWith('\ufeff')) text = text.slice(1);
      this.atStart = false;
    }
    const hasQuotes = text.includes('"');
    let from = 0;
    // Where to go on looking for the line end that ends the record: further on when one lay within quotes.
    let look = 0;
    for (let at = text.indexOf('\n', look); at >= 0; at = text.indexOf('\n', look)) {
      look = at + 1;
      const record = text.slice(from, at);
      if (hasQuotes && record.includes('"') && !isClosed(record)) continue;
      this.emit(record);
      from = look;
    }
    this.rest = text.slice(from);
  }

  private emit(line: string): void {
    const record = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (record === '') return;
    this.onRecord(record.includes('"') ? unquote(record) : record.split(','));
  }
}

/** Whether every quote of the text has its partner; doubled quotes come in pairs too. */
function isClosed(text: string): boolean {
  let quotes = 0;
  for (let at = text.indexOf('"'); at >= 0; at = text.indexOf('"', at + 1)) quotes += 1;
  return quotes % 2 === 0;
}

function unquote(record: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let field = '';
    if (record[at] === '"') {
      let from = at + 1;
      let to = record.indexOf('"', from);
      while (to >= 0 && record[to + 1] === '"') {
        field += record.slice(from, to + 1);
        from = to + 2;
        to = record.indexOf('"', from);
      }
      field += to < 0 ? record.slice(from) : record.slice(from, to);
      at = to < 0 ? record.length : to + 1;
    }
    const comma = record.indexOf(',', at);
    field += comma < 0 ? record.slice(at) : record.slice(at, comma);
    fields.push(field);
    if (comma < 0) return fields;
    at = comma + 1;
  }
}
