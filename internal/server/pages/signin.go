package pages

// Provider is somewhere else to sign in.
type Provider struct {
	// Name is its display name.
	Name string
	// URL is the path below the issuer that leads there.
	URL string
}

// SignIn asks for user name and password, and offers the providers if there are any.
type SignIn struct {
	Frame
	// Form posts FieldUsername and FieldPassword.
	Form
	// Client is the display name of the application that asked, empty if none did.
	Client string
	// Login fills in the user name: login_hint, or what was typed.
	Login string
	// Again says that the person is signed in already and must prove it once more (prompt=login, max_age).
	Again bool
	// Problem is empty at first.
	Problem   SignInProblem
	Providers []Provider
}

// SignInProblem is why signing in did not work.
type SignInProblem string

// What may be wrong with a sign-in.
const (
	// WrongCredentials is for whatever is wrong with user name or password: that one is unknown or disabled must not be seen.
	WrongCredentials SignInProblem = "credentials"
	// FormExpired is for a form that was open for too long, or came without its CSRF token. Nothing was checked.
	FormExpired SignInProblem = "expired"
)

func (p SignIn) view() view {
	v := view{frame: p.Frame, name: "signin", title: say("signin.title"), form: &p.Form}
	if p.Again {
		v.title = say("signin.again.title")
	}
	if p.Problem != "" {
		v.problem, v.field = say("signin.problem."+string(p.Problem)), FieldPassword
	}
	return v
}

// ChooseProvider is SignIn for realms where nobody has a password.
type ChooseProvider struct {
	Frame
	// Client is the display name of the application that asked, empty if none did.
	Client    string
	Providers []Provider
}

func (p ChooseProvider) view() view {
	return view{frame: p.Frame, name: "choose", title: say("choose.title")}
}

// Continue asks somebody who is signed in whether to go on as that person (prompt=select_account). It is no consent: it says who.
type Continue struct {
	Frame
	// Form posts FieldDecision: DecisionContinue or DecisionSwitch.
	Form
	// Client is the display name of the application that asked, Login the user name of who is signed in.
	Client, Login string
}

func (p Continue) view() view {
	return view{frame: p.Frame, name: "continue", title: say("continue.title"), form: &p.Form}
}
