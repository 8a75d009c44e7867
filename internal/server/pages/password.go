package pages

import "strconv"

// ChangePassword asks for a new password.
type ChangePassword struct {
	Frame
	// Form posts FieldPassword (the current one, if Reason is Chosen), FieldNewPassword and FieldRepeatPassword. FieldUsername
	// comes along for password managers; the endpoint must not believe it.
	Form
	// Login is the user name of the person whose password it is.
	Login  string
	Reason ChangeReason
	// MinLength is the policy's, in characters.
	MinLength int
	Problem   PasswordProblem
}

// ChangeReason is why the password is changed.
type ChangeReason string

// Reasons to change a password.
const (
	// Chosen is the person's own wish: she must give the current one too.
	Chosen ChangeReason = "chosen"
	// Temporary and Expired come between a sign-in and what it was for, just after the current password was given.
	Temporary ChangeReason = "temporary"
	Expired   ChangeReason = "expired"
)

// PasswordProblem is why a password was not changed.
type PasswordProblem string

// What may be wrong with a new password.
const (
	CurrentPasswordWrong PasswordProblem = "current"
	PasswordsDiffer      PasswordProblem = "differ"
	PasswordTooShort     PasswordProblem = "short"
	PasswordTooLong      PasswordProblem = "long"
	PasswordUnreadable   PasswordProblem = "unreadable" // not UTF-8, control characters, or blank
	PasswordGuessable    PasswordProblem = "guessable"
	PasswordUsedBefore   PasswordProblem = "used"
	// PasswordFormExpired is FormExpired for this page.
	PasswordFormExpired PasswordProblem = "expired"
)

// Current says whether the current password is asked for.
func (p ChangePassword) Current() bool { return p.Reason != Temporary && p.Reason != Expired }

func (p ChangePassword) view() view {
	reason := p.Reason
	if p.Current() {
		reason = Chosen
	}
	v := view{frame: p.Frame, name: "password", title: say("password.title." + string(reason)), form: &p.Form}
	if p.Problem == "" {
		return v
	}
	v.problem = say("password.problem."+string(p.Problem), "length", strconv.Itoa(p.MinLength))
	switch p.Problem {
	case CurrentPasswordWrong:
		v.field = FieldPassword
	case PasswordsDiffer:
		v.field = FieldRepeatPassword
	default:
		v.field = FieldNewPassword
	}
	return v
}

// PasswordChanged says that it is done.
type PasswordChanged struct {
	Frame
	// Client is the display name of the application to go on to, empty if there is none.
	Client string
	// Next is where to go on, a path or an https URL. Empty: the person may close the page.
	Next string
}

func (p PasswordChanged) view() view {
	return view{frame: p.Frame, name: "changed", title: say("changed.title")}
}
