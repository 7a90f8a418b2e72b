// goverify says what Go's crypto/x509 makes of certificates: a peer for the tests.
//
// Each line on stdin is a case in JSON, each line on stdout its answer, in the same order.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"runtime"
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
}

// answer is Go's verdict: an empty error where the certificate is valid. Go is the toolchain's version.
type answer struct {
	Go    string `json:"go"`
	Error string `json:"error"`
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
	_, err = leaf.Verify(options)
	return err
}

func main() {
	in, out := json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for in.More() {
		var q question
		if err := in.Decode(&q); err != nil {
			panic(err)
		}
		a := answer{Go: runtime.Version()}
		if err := verify(q); err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			panic(err)
		}
	}
}
