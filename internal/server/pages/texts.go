package pages

import (
	"html/template"
	"strings"
)

// language is that of texts.
const language = "en"

// texts are all words of all pages. {name} is filled in by the caller.
var texts = map[string]string{ //nolint:gosec // words about passwords, none of them one
	"error":   "Error: {problem}",
	"request": "Request ID",
	"to":      "to continue to {client}",
	"as":      "Signed in as {login}",
	"next":    "Continue",
	"next.to": "Continue to {client}",
	"retry":   "Try again",

	"signin.title":               "Sign in",
	"signin.again.title":         "Sign in again",
	"signin.again":               "Please confirm that it is you",
	"signin.username":            "User name",
	"signin.password":            "Password",
	"signin.submit":              "Sign in",
	"signin.or":                  "or",
	"signin.provider":            "Continue with {provider}",
	"signin.problem.credentials": "That user name and password do not match. After several wrong ones, signing in pauses for a while. If you forgot your password, ask your administrator for a temporary one.",
	"signin.problem.expired":     "This page was open for too long. Please sign in once more.",

	"choose.title":   "Choose how to sign in",
	"choose.nothing": "There is no way to sign in here yet. Ask your administrator.",

	"continue.title":  "Choose an account",
	"continue.submit": "Continue as {login}",
	"continue.switch": "Use another account",

	"password.title.chosen":       "Change your password",
	"password.title.temporary":    "Choose your own password",
	"password.title.expired":      "Choose a new password",
	"password.lead.temporary":     "You signed in with a temporary password. Choose one that only you know.",
	"password.lead.expired":       "Your password is older than your organisation allows. Choose a new one to go on.",
	"password.current":            "Current password",
	"password.new":                "New password",
	"password.repeat":             "New password once more",
	"password.rules":              "At least {length} characters. Four or five unrelated words are easy to remember and hard to guess.",
	"password.rules.free":         "Four or five unrelated words are easy to remember and hard to guess.",
	"password.submit":             "Save password",
	"password.problem.current":    "The current password is not right.",
	"password.problem.differ":     "The two new passwords are not the same.",
	"password.problem.short":      "That password is too short: it needs at least {length} characters.",
	"password.problem.long":       "That password is too long: 1,024 bytes are the most.",
	"password.problem.unreadable": "That password is blank or has characters that cannot be typed everywhere. Choose another one.",
	"password.problem.guessable":  "That password is easy to guess. Make it longer, or use several unrelated words.",
	"password.problem.used":       "You have used that password before. Choose one that is new.",
	"password.problem.expired":    "This page was open for too long. Please enter the new password once more.",

	"changed.title": "Password changed",
	"changed.text":  "From now on, sign in with your new password.",
	"changed.close": "You can close this page.",

	"device.title":           "Connect a device",
	"device.lead":            "Enter the code that your device or terminal shows.",
	"device.code":            "Code",
	"device.submit":          "Next",
	"device.problem.unknown": "That code is not valid. Check it, or start again on the device: codes last ten minutes and work once.",
	"device.problem.expired": "This page was open for too long. Please enter the code once more.",

	"confirm.title":  "Is this your device?",
	"confirm.lead":   "{client} asks to sign in as {login}.",
	"confirm.code":   "Allow it only if your device shows this code",
	"confirm.source": "Asked from {source}",
	"confirm.warn":   "Did somebody send you here? Then deny: whoever did would be signed in as you.",
	"confirm.allow":  "Allow",
	"confirm.deny":   "Deny",

	"allowed.title": "Your device is connected",
	"allowed.text":  "Go back to {client}. You can close this page.",
	"denied.title":  "Nothing was allowed",
	"denied.text":   "{client} was not signed in. If you did not start this yourself, tell your administrator. You can close this page.",

	"signout.title":  "Sign out?",
	"signout.from":   "{client} asks to end your session on this device.",
	"signout.text":   "This ends your session on this device.",
	"signout.submit": "Sign out",
	"signout.stay":   "Stay signed in",

	"signedout.title": "You are signed out",
	"signedout.text":  "Applications that you used may keep you signed in for a few more minutes. On a shared computer, close the browser.",

	"fault.request.title":   "This link does not work",
	"fault.request.text":    "The application sent a request that is not complete or not right.",
	"fault.request.advice":  "Go back to the application and try again. If it happens again, tell the people who run the application what it says below.",
	"fault.client.title":    "Unknown application",
	"fault.client.text":     "The application that sent you here is not known here, or it has been switched off.",
	"fault.client.advice":   "Tell the people who run the application what it says below.",
	"fault.redirect.title":  "This application is not set up yet",
	"fault.redirect.text":   "The application wants you sent to an address that is not registered for it. To keep you safe, you stay here.",
	"fault.redirect.advice": "Tell the people who run the application what it says below.",
	"fault.stale.title":     "That took too long",
	"fault.stale.text":      "This sign-in has expired or was finished already.",
	"fault.stale.advice":    "Go back to the application and sign in from there.",
	"fault.browser.title":   "Please start in this browser",
	"fault.browser.text":    "This sign-in began in another browser, or cookies are blocked in this one.",
	"fault.browser.advice":  "Allow cookies for this site, go back to the application and sign in from there.",
	"fault.allowed.title":   "You have no access",
	"fault.allowed.text":    "You are signed in, but you may not use this application.",
	"fault.allowed.advice":  "Ask your administrator for access.",
	"fault.missing.title":   "Nothing is here",
	"fault.missing.text":    "There is no page at this address.",
	"fault.missing.advice":  "Check the address, or go back to the application and start from there.",
	"fault.internal.title":  "Something went wrong",
	"fault.internal.text":   "It is not your fault, and nothing was changed.",
	"fault.internal.advice": "Try again in a moment. If it happens again, tell your administrator the request ID below.",
	"fault.detail":          "For the people who run it",

	"attempts.title": "Too many attempts",
	"attempts.text":  "To keep your account safe, signing in is paused.",
	"attempts.again": "Try again {wait}, at {at}.",
	"attempts.note":  "If it was not you who tried, tell your administrator.",
	"minute.one":     "in a minute",
	"minute.many":    "in {minutes}\u00a0minutes",

	"busy.title": "One moment, please",
	"busy.text":  "The service is busy or restarting. Nothing is lost.",
	"busy.retry": "Wait a few seconds, then try again.",

	"onward.title": "Opening {client}",
	"onward.text":  "If it does not open by itself, press the button.",

	"application": "the application",
}

// functions are what templates call.
var functions = template.FuncMap{"say": say, "mark": mark, "language": func() string { return language }}

// say is a text with its placeholders filled in: say("to", "client", "Grafana").
func say(key string, arguments ...string) string {
	return fill(texts[key], arguments, func(s string) string { return s })
}

// mark is say as markup, each argument escaped, set off, and kept from reordering the sentence around it: a name may be written from
// right to left, or hold characters that turn the text after it.
func mark(key string, arguments ...string) template.HTML {
	filled := fill(template.HTMLEscapeString(texts[key]), arguments, func(s string) string {
		return "<bdi>" + template.HTMLEscapeString(s) + "</bdi>"
	})
	return template.HTML(filled) //nolint:gosec // constant text and escaped arguments
}

// fill replaces all placeholders in one pass, so that an argument that looks like a placeholder stays what it is.
func fill(text string, arguments []string, wrap func(string) string) string {
	pairs := make([]string, len(arguments))
	for i := 0; i+1 < len(arguments); i += 2 {
		value := arguments[i+1]
		if value == "" && arguments[i] == "client" {
			value = texts["application"]
		}
		pairs[i], pairs[i+1] = "{"+arguments[i]+"}", wrap(value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
