// goserve is a TLS server of Go's crypto/tls that asks its clients for certificates as Kubernetes' components and etcd do: a
// peer for the tests.
//
//	goserve MODE CERT KEY CLIENT-CAS INSTANT [VERSION]
//
// MODE is that of tls.ClientAuthType, request for example. CLIENT-CAS is a file of CA certificates, or - for none. INSTANT
// (RFC 3339) is the present of the server. VERSION is the newest of TLS, 1.2 or 1.3. It prints the port of 127.0.0.1 on
// which it listens, and ends with its standard input.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

var modes = map[string]tls.ClientAuthType{
	"none":            tls.NoClientCert,
	"request":         tls.RequestClientCert,
	"require-any":     tls.RequireAnyClientCert,
	"verify-if-given": tls.VerifyClientCertIfGiven,
	"require":         tls.RequireAndVerifyClientCert,
}

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "goserve:", err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	if len(args) < 5 {
		return fmt.Errorf("five words are wanted, %d were given", len(args))
	}
	mode, known := modes[args[0]]
	if !known {
		return fmt.Errorf("no mode %q", args[0])
	}
	pair, err := tls.LoadX509KeyPair(args[1], args[2])
	if err != nil {
		return err
	}
	now, err := time.Parse(time.RFC3339, args[4])
	if err != nil {
		return err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   mode,
		Time:         func() time.Time { return now },
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if args[3] != "-" {
		pem, err := os.ReadFile(args[3])
		if err != nil {
			return err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("%s holds no certificate", args[3])
		}
	}
	if len(args) > 5 && args[5] == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				// The first byte, or the end, comes after the handshake, in which the client is judged.
				_, _ = conn.Read(make([]byte, 1))
			}()
		}
	}()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
