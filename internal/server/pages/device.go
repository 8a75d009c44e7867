package pages

// DeviceEntry asks for the code that a device shows (RFC 8628 section 3.3).
type DeviceEntry struct {
	Frame
	// Form posts FieldUserCode, in whatever case and with whatever dashes and blanks were typed.
	Form
	// UserCode fills the input in: what was typed, or what the complete link carried.
	UserCode string
	Problem  DeviceProblem
}

// DeviceProblem is why a code did not do.
type DeviceProblem string

// What may be wrong with a user code.
const (
	// CodeUnknown is for codes that are unknown, used or expired.
	CodeUnknown DeviceProblem = "unknown"
	// CodeFormExpired is FormExpired for this page.
	CodeFormExpired DeviceProblem = "expired"
)

func (p DeviceEntry) view() view {
	v := view{frame: p.Frame, name: "device", title: say("device.title"), form: &p.Form}
	if p.Problem != "" {
		v.problem, v.field = say("device.problem."+string(p.Problem)), FieldUserCode
	}
	return v
}

// DeviceConfirm asks whether the device may sign in as this person. It is shown with the complete link too: whoever made somebody
// open a link must not be signed in by that (RFC 8628 section 5.4).
type DeviceConfirm struct {
	Frame
	// Form posts FieldDecision: DecisionAllow or DecisionDeny.
	Form
	// Client is the display name of the application on the device, Login the user name that it would act as.
	Client, Login string
	// UserCode is shown to be compared with the device's.
	UserCode string
	// Source is the address that the device asked from, empty if it is not known.
	Source string
}

func (p DeviceConfirm) view() view {
	return view{frame: p.Frame, name: "confirm", title: say("confirm.title"), form: &p.Form}
}

// DeviceDone sends the person back to the device.
type DeviceDone struct {
	Frame
	// Client is the display name of the application on the device.
	Client string
	// Denied says that it was not allowed in.
	Denied bool
}

func (p DeviceDone) view() view {
	v := view{frame: p.Frame, name: "allowed", title: say("allowed.title")}
	if p.Denied {
		v.name, v.title = "denied", say("denied.title")
	}
	return v
}
