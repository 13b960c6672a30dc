// SPDX-License-Identifier: Apache-2.0
// A plain HTTPS server of Go's own library: https_server PORT CERTIFICATE KEY KEYLOG.
package main

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"os"
)

func main() {
	keys, err := os.OpenFile(os.Args[4], os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		log.Fatal(err)
	}
	answer := func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "by go\n") }
	server := http.Server{
		Addr:      ":" + os.Args[1],
		Handler:   http.HandlerFunc(answer),
		TLSConfig: &tls.Config{KeyLogWriter: keys},
	}
	log.Fatal(server.ListenAndServeTLS(os.Args[2], os.Args[3]))
}
