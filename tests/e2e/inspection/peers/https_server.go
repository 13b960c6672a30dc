// SPDX-License-Identifier: Apache-2.0
// A plain HTTPS server of Go's own library: https_server PORT CERTIFICATE KEY KEYLOG. newKeyLog is that of docs/key-sharing.md.
package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	answer := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "by go\n") }
	server := http.Server{
		Addr:      ":" + os.Args[1],
		Handler:   http.HandlerFunc(answer),
		TLSConfig: &tls.Config{KeyLogWriter: newKeyLog(os.Args[4])},
	}
	log.Fatal(server.ListenAndServeTLS(os.Args[2], os.Args[3]))
}
