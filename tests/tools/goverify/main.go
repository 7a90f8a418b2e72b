// goverify says what Go's crypto/x509, its TLS and its reader of PEM make of certificates: a peer for the tests.
//
// Each line on stdin is a case in JSON, each line on stdout its answer, in the same order.
package main

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// question is one certificate to verify. The texts are PEM; of the pools, Go leaves out what it cannot read.
type question struct {
	Leaf          string    `json:"leaf"`
	Roots         string    `json:"roots"`
	Intermediates string    `json:"intermediates"`
	Purpose       string    `json:"purpose"` // any, server or client
	Name          string    `json:"name"`    // a host, an address in brackets, or nothing
	At            time.Time `json:"at"`      // with its fractions of a second
	Sent          string    `json:"sent"`    // what is sent behind the leaf in a handshake; of a purpose only
	Text          []byte    `json:"text"`    // instead of all the rest: which blocks are in this text?
}

// answer is Go's verdict: an empty error where the certificate is valid. Go is the toolchain's version.
type answer struct {
	Go     string  `json:"go"`
	Error  string  `json:"error"`
	Blocks []block `json:"blocks"`
}

// block is one that pem.Decode finds.
type block struct {
	Type    string `json:"type"`
	Headers bool   `json:"headers"`
	Bytes   []byte `json:"bytes"`
}

func blocks(text []byte) []block {
	found := []block{}
	for {
		one, rest := pem.Decode(text)
		if one == nil {
			return found
		}
		found = append(found, block{one.Type, len(one.Headers) > 0, one.Bytes})
		text = rest
	}
}

// connected gives two ends of a connection that hold what was not read yet.
func connected() (net.Conn, net.Conn) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		panic(err)
	}
	end := func(descriptor int) net.Conn {
		file := os.NewFile(uintptr(descriptor), "end")
		defer file.Close()
		conn, err := net.FileConn(file)
		if err != nil {
			panic(err)
		}
		return conn
	}
	return end(ends[0]), end(ends[1])
}

// handshake shows the certificates as a server or a client does, with a key that is not theirs, to one who leaves the
// judgement of the chain to others: whoever gets as far as to miss the signature has taken them.
func handshake(q question, leaf *x509.Certificate) error {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	shown := tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
	for _, one := range blocks([]byte(q.Sent)) {
		if one.Type == "CERTIFICATE" {
			shown.Certificate = append(shown.Certificate, one.Bytes)
		}
	}
	now := func() time.Time { return q.At }
	shows := &tls.Config{
		Certificates:         []tls.Certificate{shown},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &shown, nil },
		MinVersion:           tls.VersionTLS13, Time: now, InsecureSkipVerify: true, SessionTicketsDisabled: true,
	}
	near, far := connected()
	defer near.Close()
	defer far.Close()
	var judge, other *tls.Conn
	if q.Purpose == "server" {
		judge = tls.Client(near, &tls.Config{MinVersion: tls.VersionTLS13, Time: now, InsecureSkipVerify: true})
		other = tls.Server(far, shows)
	} else {
		_, own, _ := ed25519.GenerateKey(rand.Reader)
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: q.At.AddDate(1, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, own.Public(), own)
		if err != nil {
			panic(err)
		}
		judge = tls.Server(near, &tls.Config{
			Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: own}},
			ClientAuth:   tls.RequireAnyClientCert,
			MinVersion:   tls.VersionTLS13, Time: now, SessionTicketsDisabled: true,
		})
		other = tls.Client(far, shows)
	}
	go func() { _ = other.Handshake() }()
	err = judge.Handshake()
	taken := func(words string) bool { return strings.Contains(err.Error(), words) }
	if err == nil || taken("invalid signature by the") || taken("used with invalid signature algorithm") {
		// The signature was to be that of the key shown: whether anything can be by it, the key decides.
		if key, is := leaf.PublicKey.(*rsa.PublicKey); is {
			hash := sha256.Sum256(nil)
			if err := rsa.VerifyPSS(key, crypto.SHA256, hash[:], make([]byte, key.Size()), nil); !errors.Is(err, rsa.ErrVerification) {
				return err
			}
		}
		return nil
	}
	return err
}

func verify(q question) error {
	usages := map[string]x509.ExtKeyUsage{
		"any": x509.ExtKeyUsageAny, "server": x509.ExtKeyUsageServerAuth, "client": x509.ExtKeyUsageClientAuth,
	}
	usage, known := usages[q.Purpose]
	if !known || q.At.IsZero() {
		panic(fmt.Sprintf("goverify: purpose %q at %v", q.Purpose, q.At))
	}
	block, _ := pem.Decode([]byte(q.Leaf))
	if block == nil {
		return errors.New("no PEM block")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{
		DNSName:       q.Name,
		Roots:         x509.NewCertPool(),
		Intermediates: x509.NewCertPool(),
		CurrentTime:   q.At,
		KeyUsages:     []x509.ExtKeyUsage{usage},
	}
	options.Roots.AppendCertsFromPEM([]byte(q.Roots))
	options.Intermediates.AppendCertsFromPEM([]byte(q.Intermediates))
	if _, err = leaf.Verify(options); err != nil || q.Purpose == "any" {
		return err
	}
	return handshake(q, leaf)
}

func main() {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for in.More() {
		var q question
		if err := in.Decode(&q); err != nil {
			panic(err)
		}
		a := answer{Go: runtime.Version()}
		if q.Text != nil {
			a.Blocks = blocks(q.Text)
		} else if err := verify(q); err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			panic(err)
		}
	}
}
