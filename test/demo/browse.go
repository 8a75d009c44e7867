package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/watchword-io/watchword/test/textbrowser"
)

// browseMode opens an address and signs in; confirmMode opens that of a device, signs in and allows the device. Both are a person with
// a browser of her own: ADDRESS USERNAME PASSWORD.
const (
	browseMode  = "browse"
	confirmMode = "confirm"
)

func browse(args []string, out, errs io.Writer) int {
	return inBrowser((*textbrowser.Browser).SignIn, args, out, errs)
}

func confirm(args []string, out, errs io.Writer) int {
	return inBrowser((*textbrowser.Browser).Confirm, args, out, errs)
}

// errand is what a person does in a browser.
type errand func(*textbrowser.Browser, context.Context, string, textbrowser.Someone) (*textbrowser.Page, error)

// inBrowser prints every page on the way, and what the last one says. It returns the exit status.
func inBrowser(do errand, args []string, out, errs io.Writer) int {
	if len(args) != 3 {
		fmt.Fprintln(errs, "usage: browse|confirm ADDRESS USERNAME PASSWORD")
		return 2
	}
	transport, err := trustingTransport()
	if err != nil {
		fmt.Fprintln(errs, "browser:", err)
		return 1
	}
	browser := textbrowser.New(transport)
	browser.Visited = func(method string, page *textbrowser.Page) {
		fmt.Fprintf(out, "%-4s %s\n     %s\n", method, brief(page.URL), strings.TrimSpace(fmt.Sprint(page.Status, " ", page.Title)))
	}
	last, err := do(browser, context.Background(), args[0], textbrowser.Someone{Username: args[1], Password: args[2]})
	if err != nil {
		fmt.Fprintln(errs, "browser:", err)
		return 1
	}
	fmt.Fprintln(out, last.Text)
	if last.Status != http.StatusOK {
		return 1
	}
	return 0
}

// brief is an address without what is too long to read.
func brief(u *url.URL) string {
	const readable = 20
	short := *u
	parameters := strings.Split(u.RawQuery, "&")
	for i, parameter := range parameters {
		if name, value, _ := strings.Cut(parameter, "="); len(value) > readable {
			parameters[i] = name + "=" + value[:6] + "…"
		}
	}
	short.RawQuery = strings.Join(parameters, "&")
	return short.String()
}
