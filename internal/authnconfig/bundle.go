package authnconfig

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// normalizeBundle returns the certificates of a PEM bundle and nothing else of it: same certificates, same bytes, whatever comments
// and blank lines stand between them. It refuses anything that is not a certificate, a private key above all: the file it goes into
// is no secret.
func normalizeBundle(bundle []byte) ([]byte, error) {
	var out bytes.Buffer
	for rest := bundle; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if bytes.Contains(rest, []byte("-----BEGIN")) {
				return nil, fmt.Errorf("certificate authority: a PEM block is cut off or damaged")
			}
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("certificate authority: holds a %q; only certificates belong there", block.Type)
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return nil, fmt.Errorf("certificate authority: parse certificate: %w", err)
		}
		if err := pem.Encode(&out, &pem.Block{Type: block.Type, Bytes: block.Bytes}); err != nil {
			return nil, err
		}
	}
	if out.Len() == 0 && len(bytes.TrimSpace(bundle)) > 0 {
		return nil, fmt.Errorf("certificate authority: holds no PEM certificate")
	}
	return out.Bytes(), nil
}
