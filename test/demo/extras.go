package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
)

// extras are the roles that this program plays besides telling the story, by their first argument: people and programs around Watchword.
func extras() map[string]func(args []string, out, errs io.Writer) (status int) {
	return map[string]func([]string, io.Writer, io.Writer) int{curlMode: curl, browseMode: browse, confirmMode: confirm, portalMode: portal}
}

// functions let the shell type the extras by name. curl plays itself where it is installed.
func functions() (definitions []string, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{curlMode, browseMode, confirmMode, portalMode} {
		if _, missing := exec.LookPath(name); name != curlMode || missing != nil {
			definitions = append(definitions, fmt.Sprintf("%s() { %s %s \"$@\"; }", name, quote(self), name))
		}
	}
	return definitions, nil
}

// trustingTransport trusts CURL_CA_BUNDLE, the realm's authority.
func trustingTransport() (*http.Transport, error) {
	bundle, err := os.ReadFile(os.Getenv("CURL_CA_BUNDLE"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}, nil
}
