package saml

import (
	"time"

	"github.com/beevik/etree"

	"github.com/watchword-io/watchword/internal/saml/document"
	"github.com/watchword-io/watchword/internal/saml/guard"
	"github.com/watchword-io/watchword/internal/saml/refusal"
	"github.com/watchword-io/watchword/internal/saml/xmlsec"
)

// logoutValid is how long a LogoutRequest of ours is good for.
const logoutValid = 5 * time.Minute

// LogoutRequest asks to end sessions of a person (Core section 3.7.1).
type LogoutRequest struct {
	// ID is what the answer's InResponseTo must be.
	ID string
	// NameID is the person, as the assertion named her.
	NameID NameID
	// SessionIndexes are her sessions that end. None: all of them.
	SessionIndexes []string
}

// Logout is a verified message at our single logout service: exactly one of its pointers is set.
type Logout struct {
	// Request is the provider's wish. It must be answered, with its ID, whatever comes of it.
	Request *LogoutRequest
	// Answered is the ID of the request of ours that was answered with success.
	Answered string
	// RelayState came with it; nobody vouches for it in HTTP-POST.
	RelayState string
}

// LogoutRequest makes a message for the provider's single logout URL.
func (p *Provider) LogoutRequest(r LogoutRequest, destination string, now time.Time) *Message {
	m := p.newMessage("LogoutRequest", xmlsec.Request, r.ID, destination, now)
	m.root.CreateAttr("NotOnOrAfter", stamp(now.Add(logoutValid)))
	name := m.root.CreateElement("saml:NameID")
	for _, attribute := range [][2]string{
		{"NameQualifier", r.NameID.NameQualifier}, {"SPNameQualifier", r.NameID.SPNameQualifier}, {"Format", r.NameID.Format},
	} {
		if attribute[1] != "" {
			name.CreateAttr(attribute[0], attribute[1])
		}
	}
	name.SetText(r.NameID.Value)
	for _, index := range r.SessionIndexes {
		m.root.CreateElement("samlp:SessionIndex").SetText(index)
	}
	return m
}

// LogoutResponse makes the answer to a request of the provider's: success, or that it could not be done.
func (p *Provider) LogoutResponse(id, inResponseTo, destination string, done bool, now time.Time) *Message {
	m := p.newMessage("LogoutResponse", xmlsec.Response, id, destination, now)
	m.root.CreateAttr("InResponseTo", inResponseTo)
	code := success
	if !done {
		code = "urn:oasis:names:tc:SAML:2.0:status:Responder"
	}
	m.root.CreateElement("samlp:Status").CreateElement("samlp:StatusCode").CreateAttr("Value", code)
	return m
}

// RedirectedLogout judges the raw query of a GET to our single logout service. The query must be signed (Profiles section 4.4.3.1), or
// anybody could sign anybody out. expected.RequestID is that of the request we sent, if we did: without one, answers are refused. Every
// error is a *refusal.Error.
func (p *Provider) RedirectedLogout(rawQuery string, expected Expected) (logout *Logout, err error) {
	defer document.Recover(&err)
	query, err := xmlsec.ParseQuery(rawQuery)
	if err != nil {
		return nil, err
	}
	if err := query.Verify(p.Certificates, expected.Now); err != nil {
		return nil, err
	}
	raw, err := inflate(query.Message)
	if err != nil {
		return nil, err
	}
	message, err := document.Parse(raw, guard.Message())
	if err != nil {
		return nil, err
	}
	// What the signature of the query vouches for needs none, and one inside would say that somebody else signed.
	if xmlsec.Signed(message) {
		return nil, refusal.New(refusal.SignatureMisplaced, "a redirected message has its signature in the query")
	}
	return p.logout(message, query.Name, query.RelayState, expected)
}

// PostedLogout judges the form of a POST to our single logout service: name is SAMLRequest or SAMLResponse, value its value. The message
// must have an enveloped signature. Every error is a *refusal.Error.
func (p *Provider) PostedLogout(name, value, relay string, expected Expected) (logout *Logout, err error) {
	defer document.Recover(&err)
	raw, err := decodePost(value)
	if err != nil {
		return nil, err
	}
	message, err := document.Parse(raw, guard.Message())
	if err != nil {
		return nil, err
	}
	if _, err := document.UniqueIDs(message); err != nil {
		return nil, err
	}
	verified, err := xmlsec.Verify(message, p.Certificates, expected.Now)
	if err != nil {
		return nil, err
	}
	return p.logout(verified, name, relay, expected)
}

// logout reads a message that is the provider's.
func (p *Provider) logout(message *etree.Element, name, relay string, expected Expected) (*Logout, error) {
	want := map[string]string{xmlsec.Request: "LogoutRequest", xmlsec.Response: "LogoutResponse"}[name]
	if want == "" || !document.Is(message, document.Protocol, want) {
		return nil, refusal.New(refusal.MessageUnexpected, "%s in %s", message.Tag, name)
	}
	if p.SLO == "" {
		return nil, refusal.New(refusal.LogoutUnavailable, "")
	}
	if err := p.checkHead(message, expected.Now); err != nil {
		return nil, err
	}
	if err := p.checkAge(message, expected.Now); err != nil {
		return nil, err
	}
	if err := checkDestination(message, p.SLO); err != nil {
		return nil, err
	}
	if want == "LogoutRequest" {
		request, err := p.readLogoutRequest(message, expected.Now)
		if err != nil {
			return nil, err
		}
		return &Logout{Request: request, RelayState: relay}, nil
	}
	if expected.RequestID == "" {
		return nil, refusal.New(refusal.Unsolicited, "no request was sent from this browser")
	}
	if err := p.checkAnswer(message, expected); err != nil {
		return nil, err
	}
	if err := checkStatus(message); err != nil {
		return nil, err
	}
	return &Logout{Answered: expected.RequestID, RelayState: relay}, nil
}

func (p *Provider) readLogoutRequest(message *etree.Element, now time.Time) (*LogoutRequest, error) {
	ends, there, err := document.Time(message, "NotOnOrAfter")
	if err != nil {
		return nil, err
	}
	if there && !now.Before(ends.Add(p.Skew)) {
		return nil, refusal.New(refusal.Expired, "at %s", stamp(ends))
	}
	if len(document.Children(message, document.Assertion, "EncryptedID")) > 0 {
		return nil, refusal.New(refusal.NameIDEncrypted, "send a NameID: the request goes over TLS")
	}
	request := &LogoutRequest{ID: document.Value(message, "ID")}
	if request.NameID, err = nameID(message); err != nil {
		return nil, err
	}
	for _, element := range document.Children(message, document.Protocol, "SessionIndex") {
		index, plain := document.Text(element)
		if !plain || index == "" {
			// Leaving it out could turn one session into all of them.
			return nil, refusal.New(refusal.MessageUnexpected, "an empty SessionIndex")
		}
		request.SessionIndexes = append(request.SessionIndexes, index)
	}
	return request, nil
}
