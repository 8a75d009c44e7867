package main

import (
	"context"
	"crypto/x509"
	"errors"

	"github.com/watchword-io/watchword/internal/kubelogin"
	"github.com/watchword-io/watchword/internal/kubelogin/openid"
	"github.com/watchword-io/watchword/internal/kubelogin/tokencache"
)

// explain finds the hint for what went wrong between this computer and the realm.
func (f *realmFlags) explain(err error) error {
	var (
		answer      *openid.Refusal
		unreachable *openid.Unreachable
		untrusted   *openid.Untrusted
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		unsafe      *tokencache.Unsafe
		hinted      *refusal
	)
	switch {
	case errors.As(err, &hinted):
		return err
	case errors.Is(err, context.Canceled):
		return hint(errors.New("interrupted"), "run the command again")
	case errors.Is(err, kubelogin.ErrTimeout):
		return hint(err, "run it again; with --device you can sign in on any device, and --timeout gives more time")
	case errors.Is(err, kubelogin.ErrOtherFailed):
		return hint(err, "run the command again")
	case errors.Is(err, kubelogin.ErrNotOffered):
		return hint(err, "leave --device, --password and --no-browser out, or ask for the grant to be added to spec.grants of the Realm")
	case errors.Is(err, tokencache.ErrNoKeyring):
		return hint(err, "unlock the keyring, or keep tokens in a file with --token-cache file")
	case errors.As(err, &unsafe):
		return hint(err, "find out how that came about; then remove it, or choose another folder with --token-cache-dir")
	case errors.As(err, &authority):
		return hint(err, `name its authority with --ca-file; where it is a realm's own: kubectl get configmap REALM-ca -o jsonpath='{.data.ca\.crt}'`)
	case errors.As(err, &hostname):
		return hint(err, "check the host name in --issuer: another server answers there")
	case errors.As(err, &unreachable):
		return hint(err, "check the network and --issuer: %s/.well-known/openid-configuration must answer; your tokens were kept", f.issuer)
	case errors.As(err, &untrusted):
		return hint(err, "nothing was kept of it; compare --issuer with spec.issuer of the Realm, byte by byte, and this computer's clock with the time")
	case errors.As(err, &answer):
		return f.explainRefusal(err, answer)
	}
	return hint(err, "check the flags with --help")
}

func (f *realmFlags) explainRefusal(err error, answer *openid.Refusal) error {
	switch answer.Code {
	case openid.InvalidGrant:
		return hint(err, "user name or password are wrong, or the sign-in took too long; a temporary password is changed in the browser: leave --password out")
	case openid.InvalidClient:
		return hint(err, "check --client-id %s and what proves it; a ClientApplication of that ID must exist, and not be disabled", f.clientID)
	case openid.UnauthorizedClient, openid.UnsupportedGrant:
		return hint(err, "spec.grantTypes of the ClientApplication %q and spec.grants of the Realm must list the grant", f.clientID)
	case openid.InvalidScope:
		return hint(err, "ask for less with --scope: spec.scopes of the ClientApplication %q lists what it may have", f.clientID)
	case openid.InvalidTarget:
		return hint(err, "spec.audiences of the ClientApplication %q lists what it may ask for", f.clientID)
	case openid.AccessDenied:
		return hint(err, "if that was not you, nobody got in; to sign in, run the command again")
	case openid.ExpiredToken:
		return hint(err, "run the command again, and enter the new code")
	}
	return hint(err, "the realm's administrator finds the reason in its audit log")
}

// signInFirst is what a person types to sign in to this realm.
func (f *realmFlags) signInFirst() string {
	if f.caData != "" {
		// They are in a kubeconfig: too long to type, and found there.
		return "sign in first: kubectl watchword login; add --context NAME if this realm is not that of the current context"
	}
	command := "sign in first: kubectl watchword login --issuer " + f.issuer
	if f.clientID != defaultClientID {
		command += " --client-id " + f.clientID
	}
	if f.caFile != "" {
		command += " --ca-file " + f.caFile
	}
	return command
}
