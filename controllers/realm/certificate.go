package realm

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"slices"
	"time"
)

const (
	// authorityLife and servingLife are how long self-made certificates are valid; both are replaced at two thirds of it.
	authorityLife = 10 * 365 * 24 * time.Hour
	servingLife   = 90 * 24 * time.Hour
	// backdate lets clocks that are behind accept a certificate at once.
	backdate = 5 * time.Minute
)

// pair is a certificate with its private key, as they stand in a Secret and parsed.
type pair struct {
	certPEM, keyPEM []byte
	cert            *x509.Certificate
	key             crypto.Signer
}

// parsePair reads a certificate chain, leaf first, and the leaf's key. The error quotes nothing of the key.
func parsePair(certPEM, keyPEM []byte) (*pair, error) {
	parsed, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, errors.New("tls.crt and tls.key are not a certificate and its key in PEM")
	}
	signer, ok := parsed.PrivateKey.(crypto.Signer)
	if !ok {
		return nil, errors.New("the key in tls.key cannot sign")
	}
	return &pair{certPEM: certPEM, keyPEM: keyPEM, cert: parsed.Leaf, key: signer}, nil
}

// renewAt is when two thirds of a certificate's life are over.
func renewAt(cert *x509.Certificate) time.Time {
	return cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) / 3 * 2)
}

// newAuthority makes a self-signed certificate authority that can sign leaf certificates only.
func newAuthority(commonName string, now time.Time) (*pair, error) {
	return issue(&x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}, nil)
}

// newServing makes a certificate for the names, signed by the authority.
func newServing(names []string, authority *pair, now time.Time) (*pair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName(names[0])},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(servingLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if template.NotAfter.After(authority.cert.NotAfter) {
		template.NotAfter = authority.cert.NotAfter
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	return issue(template, authority)
}

// commonName cuts a name to the 64 characters that X.520 allows; verifiers read the subject alternative names.
func commonName(name string) string { return name[:min(len(name), 64)] }

// issue signs a template with a fresh P-256 key; a nil authority means self-signed.
func issue(template *x509.Certificate, authority *pair) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate certificate key: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return nil, fmt.Errorf("generate serial number: %w", err)
	}
	parent, signer := template, crypto.Signer(key)
	if authority != nil {
		parent, signer = authority.cert, authority.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode certificate key: %w", err)
	}
	return parsePair(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}),
	)
}

// mustRenew reports whether a self-made serving certificate has to be replaced now: it is old, its names are others, or another
// authority signs.
func mustRenew(serving *pair, names []string, authority *pair, now time.Time) bool {
	if !now.Before(renewAt(serving.cert)) || now.Before(serving.cert.NotBefore) {
		return true
	}
	if serving.cert.CheckSignatureFrom(authority.cert) != nil {
		return true
	}
	covered := slices.Clone(serving.cert.DNSNames)
	for _, ip := range serving.cert.IPAddresses {
		covered = append(covered, ip.String())
	}
	slices.Sort(covered)
	wanted := slices.Clone(names)
	slices.Sort(wanted)
	return !slices.Equal(covered, wanted)
}

// servingNames are the names that a self-made certificate covers: the issuer's host first, each once, IP addresses in canonical form.
func servingNames(host string, additional []string) []string {
	var names []string
	for _, name := range append([]string{host}, additional...) {
		if ip := net.ParseIP(name); ip != nil {
			name = ip.String()
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// bundle joins certificates in PEM, each once.
func bundle(certs ...[]byte) []byte {
	var out []byte
	for _, cert := range certs {
		if len(cert) > 0 && !bytes.Contains(out, bytes.TrimSpace(cert)) {
			out = append(append(out, bytes.TrimSpace(cert)...), '\n')
		}
	}
	return out
}
