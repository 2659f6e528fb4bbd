// Verifies a request with the Standard Webhooks library: the secret is the first argument, {"headers": …, "body": …} comes on stdin.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	var request struct {
		Headers map[string]string
		Body    string
	}
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		fail(err)
	}
	webhook, err := standardwebhooks.NewWebhook(os.Args[1])
	if err != nil {
		fail(err)
	}
	headers := http.Header{}
	for name, value := range request.Headers {
		headers.Set(name, value)
	}
	if err := webhook.Verify([]byte(request.Body), headers); err != nil {
		fail(err)
	}
	fmt.Print("verified")
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
