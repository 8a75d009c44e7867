package pages

// SignOut asks whether to sign out, where no id_token_hint says who asks (OpenID Connect RP-Initiated Logout 1.0 section 2).
type SignOut struct {
	Frame
	// Form posts FieldDecision: DecisionSignOut or DecisionStay.
	Form
	// Client is the display name of the application that asked, empty if none did; Login the user name of who is signed in.
	Client, Login string
}

func (p SignOut) view() view {
	return view{frame: p.Frame, name: "signout", title: say("signout.title"), form: &p.Form}
}

// SignedOut says that it is done, or that nobody was signed in: which one is nobody's business.
type SignedOut struct {
	Frame
	// Client is the display name of the application to go back to, and Next its registered post_logout_redirect_uri, or any https URL
	// or path. Empty: none.
	Client, Next string
}

func (p SignedOut) view() view {
	return view{frame: p.Frame, name: "signedout", title: say("signedout.title")}
}
