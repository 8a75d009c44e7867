package pages

// The names of the inputs, as the endpoints read them.
const (
	FieldCSRF           = "csrf"
	FieldState          = "state"
	FieldUsername       = "username"
	FieldPassword       = "password"
	FieldNewPassword    = "new_password"
	FieldRepeatPassword = "repeat_password"
	FieldUserCode       = "user_code"
	FieldDecision       = "decision"
)

// The values of FieldDecision.
const (
	DecisionAllow    = "allow"    // DeviceConfirm
	DecisionDeny     = "deny"     // DeviceConfirm
	DecisionContinue = "continue" // Continue
	DecisionSwitch   = "switch"   // Continue: sign in as someone else
	DecisionSignOut  = "sign-out" // SignOut
	DecisionStay     = "stay"     // SignOut
)
