package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// bareMode makes this program the ceiling: a server that does nothing but what nobody could leave out.
const bareMode = "bare"

// Files that a bare server writes into the folder it is given.
const (
	bareCertificate = "bare.crt"
)

// serveBare ADDRESS DIR answers /es256 and /rs256 with a token signed by hand, and /discovery and /keys with the files of these names
// in DIR, until the process is killed.
func serveBare(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("usage: bench %s ADDRESS DIR", bareMode)
	}
	address, dir := args[0], args[1]
	certificate, err := bareTLS(filepath.Join(dir, bareCertificate))
	if err != nil {
		return err
	}
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	big, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("POST /es256", tokens("ES256", func(digest []byte) ([]byte, error) { return signES256(elliptical, digest) }))
	mux.Handle("POST /rs256", tokens("RS256", func(digest []byte) ([]byte, error) {
		return rsa.SignPKCS1v15(rand.Reader, big, crypto.SHA256, digest)
	}))
	for _, name := range []string{"discovery", "keys"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, _ *http.Request) { answer(w, body) })
	}
	server := &http.Server{
		Addr: address, Handler: mux, ReadHeaderTimeout: 5 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}},
	}
	return server.ListenAndServeTLS("", "")
}

// tokens signs a JWT of the size and shape that Watchword's have. It reads the request as any handler must, and does not look at it.
func tokens(algorithm string, sign func(digest []byte) ([]byte, error)) http.HandlerFunc {
	header := base64.RawURLEncoding.EncodeToString([]byte(
		`{"alg":"` + algorithm + `","kid":"` + "2CbQxS1p3hKzv7gq0mYd9wJr5tLfNn8eAoUiXcVbB4k" + `","typ":"at+jwt"}`))
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			http.Error(w, "read", http.StatusBadRequest)
			return
		}
		now := time.Now().Unix()
		payload := fmt.Appendf(nil, `{"iss":"https://127.0.0.1:8443/realms/bench","sub":"application:es256","aud":"kubernetes",`+
			`"exp":%d,"iat":%d,"nbf":%d,"jti":"%s","client_id":"es256","azp":"es256","scope":"groups roles",`+
			`"preferred_username":"application:es256","roles":["viewer"],"realm":"bench"}`, now+900, now, now, rand.Text())
		input := header + "." + base64.RawURLEncoding.EncodeToString(payload)
		digest := sha256.Sum256([]byte(input))
		signature, err := sign(digest[:])
		if err != nil {
			http.Error(w, "sign", http.StatusInternalServerError)
			return
		}
		answer(w, []byte(`{"access_token":"`+input+"."+base64.RawURLEncoding.EncodeToString(signature)+
			`","token_type":"Bearer","expires_in":900,"scope":"groups roles"}`))
	}
}

func signES256(key *ecdsa.PrivateKey, digest []byte) ([]byte, error) {
	r, s, err := ecdsa.Sign(rand.Reader, key, digest)
	if err != nil {
		return nil, err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signature, nil
}

func answer(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// bareTLS makes a certificate for 127.0.0.1 of the same kind as Watchword's own, and writes it to path for the load to trust.
func bareTLS(path string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
