package pages

import (
	"strconv"
	"time"
)

// Fault tells a person why it does not go on here, and what to do.
type Fault struct {
	Frame
	Cause Cause
	// Client is the display name of the application, if it is known.
	Client string
	// Detail is for the application's maintainers: which parameter, which rule. It is shown as it is.
	Detail string
	// Next is where to try again, a path or an https URL. Empty: there is nowhere.
	Next string
}

// Cause is what a Fault is about.
type Cause string

// Causes that a person can be told.
const (
	// BadRequest is an application's request that is not right: nothing a person can mend.
	BadRequest Cause = "request"
	// UnknownClient is a client_id that is unknown or disabled.
	UnknownClient Cause = "client"
	// BadRedirect is a redirect_uri or post_logout_redirect_uri that is not registered.
	BadRedirect Cause = "redirect"
	// StaleRequest is a sign-in that was left open for too long, or taken up by a link that was used.
	StaleRequest Cause = "stale"
	// OtherBrowser is a form or link without the cookies of the browser that it was made for.
	OtherBrowser Cause = "browser"
	// NotAllowed is a person who may not use the application.
	NotAllowed Cause = "allowed"
	// NotFound is an address where nothing is.
	NotFound Cause = "missing"
	// Internal is everything that nobody foresaw.
	Internal Cause = "internal"
)

func (p Fault) view() view {
	return view{frame: p.Frame, name: "fault", title: say("fault." + string(p.cause()) + ".title")}
}

func (p Fault) cause() Cause {
	if _, known := texts["fault."+string(p.Cause)+".title"]; known {
		return p.Cause
	}
	return Internal
}

// Text is the key of the text that says what happened.
func (p Fault) Text() string { return "fault." + string(p.cause()) + ".text" }

// Advice is the key of the text that says what to do.
func (p Fault) Advice() string { return "fault." + string(p.cause()) + ".advice" }

// TooManyAttempts says when to try again. It sets Retry-After.
type TooManyAttempts struct {
	Frame
	// Now and Until are by the server's clock. The person's own time zone is not known, so the page says how long, too.
	Now, Until time.Time
	// Next is where to try again, a path or an https URL. Empty: there is nowhere.
	Next string
}

func (p TooManyAttempts) view() view {
	return view{frame: p.Frame, name: "attempts", title: say("attempts.title"), retryAfter: max(time.Second, p.Until.Sub(p.Now))}
}

// Wait is how long, in words.
func (p TooManyAttempts) Wait() string {
	minutes := int((p.Until.Sub(p.Now) + time.Minute - 1) / time.Minute)
	if minutes <= 1 {
		return say("minute.one")
	}
	return say("minute.many", "minutes", strconv.Itoa(minutes))
}

// At is the time to try again, in UTC.
func (p TooManyAttempts) At() string { return p.Until.UTC().Format("15:04\u00a0UTC") }

// Machine is At for machines (HTML section 4.5.14).
func (p TooManyAttempts) Machine() string { return p.Until.UTC().Format(time.RFC3339) }

// Busy says that the service cannot serve just now: too many sign-ins at once, or the Kubernetes API is away. It sets Retry-After.
type Busy struct {
	Frame
	// RetryAfter is when it is worth trying again; at least a second is said.
	RetryAfter time.Duration
	// Next is where to try again, a path or an https URL. Empty: there is nowhere.
	Next string
}

func (p Busy) view() view {
	return view{frame: p.Frame, name: "busy", title: say("busy.title"), retryAfter: max(time.Second, p.RetryAfter)}
}
