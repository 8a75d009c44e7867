package browser

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
)

// page is what a person reads in the browser. None of it comes from a request.
type page struct{ title, text string }

var (
	pageDone      = page{"You are signed in", "You can close this tab and go back to the terminal."}
	pageFailed    = page{"You are not signed in", "The terminal says why, and what to do next. You can close this tab."}
	pageUsed      = page{"This sign-in is over", "The terminal says how it went. You can close this tab."}
	pageStranger  = page{"This answer is not expected", "It does not belong to the sign-in that is going on. Start again from the terminal."}
	pageElsewhere = page{"There is nothing here", "This address only receives the answer of one sign-in."}
)

const (
	style = `:root{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}` +
		`body{margin:0;min-height:100vh;display:grid;place-items:center}main{max-width:30rem;padding:2rem;text-align:center}` +
		`h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0;opacity:.8}`
	// script takes the code out of the history, and closes the tab where the browser lets it.
	script = `history.replaceState(null,"","/");window.close()`
)

// policy allows exactly the two inline texts.
func policy() string {
	return fmt.Sprintf("default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		hash(style), hash(script))
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func show(w http.ResponseWriter, status int, p page) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", policy())
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Connection", "close")
	w.WriteHeader(status)
	fmt.Fprintf(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">`+
		`<title>%s</title><style>%s</style></head><body><main><h1>%s</h1><p>%s</p></main><script>%s</script></body></html>`,
		p.title, style, p.title, p.text, script)
}
