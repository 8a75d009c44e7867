// Command preview serves the gallery of sign-in pages over TLS on loopback, to be looked at while they are being made:
//
//	go run ./test/browser/preview
package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/signal"

	"github.com/watchword-io/watchword/test/browser/gallery"
)

func main() {
	server := httptest.NewTLSServer(gallery.Handler())
	defer server.Close()
	fmt.Println(server.URL)
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	<-interrupted
}
