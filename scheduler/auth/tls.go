package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
)

// Who is at the other end of a connection.
type Who struct {
	Role Role
	Name string
}

// Files are a participant's directory in use. What changes there counts from the next handshake on, and a revocation
// from the next call on.
type Files struct {
	dir string
	now func() time.Time

	mu      sync.Mutex // guards revoked and seen; held while crl.pem is read
	revoked map[string]bool
	seen    os.FileInfo
}

// OpenFiles looks at a participant's directory once, so that what is wrong with it is said at the start.
func OpenFiles(dir string) (*Files, error) {
	f := &Files{dir: dir, now: time.Now}
	if _, err := f.pair(); err != nil {
		return nil, err
	}
	if _, err := f.trusted(); err != nil {
		return nil, err
	}
	return f, f.readRevoked()
}

func (f *Files) pair() (*tls.Certificate, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(f.dir, certFile), filepath.Join(f.dir, keyFile))
	if err != nil {
		return nil, fmt.Errorf("the certificate in %s: %w", f.dir, err)
	}
	if until := pair.Leaf.NotAfter; f.now().After(until) {
		return nil, fmt.Errorf("the certificate in %s expired on %s; have a new one issued", f.dir,
			until.Format(time.DateOnly))
	}
	return &pair, nil
}

// Own is whose certificate it is.
func (f *Files) Own() (Who, error) {
	pair, err := f.pair()
	if err != nil {
		return Who{}, err
	}
	role, name := subject(pair.Leaf)
	return Who{role, name}, nil
}

func (f *Files) trusted() (*x509.CertPool, error) {
	certs, err := readCerts(filepath.Join(f.dir, caFile))
	if err != nil {
		return nil, fmt.Errorf("the authorities in %s: %w", f.dir, err)
	}
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool, nil
}

// Server is a scheduler's transport credentials: who connects has a certificate of the cluster.
func (f *Files) Server() credentials.TransportCredentials {
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			pair, err := f.pair()
			if err != nil {
				return nil, err
			}
			pool, err := f.trusted()
			if err != nil {
				return nil, err
			}
			return &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"h2"}, Certificates: []tls.Certificate{*pair},
				ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, Time: f.now}, nil
		},
	})
}

// Client is a tenant's or worker's transport credentials.
func (f *Files) Client() (credentials.TransportCredentials, error) {
	pool, err := f.trusted()
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS13, RootCAs: pool, ServerName: ServerName, Time: f.now,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.pair() },
		VerifyConnection: func(c tls.ConnectionState) error {
			if role, _ := subject(c.PeerCertificates[0]); role != Scheduler {
				return fmt.Errorf("the other end has a certificate of role %q, not of a scheduler", role)
			}
			return nil
		}}), nil
}

// Caller says who makes a call over TLS. It looks at the dates and the revocations each time: connections last long.
func (f *Files) Caller(ctx context.Context) (Who, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Who{}, errors.New("the connection has no other end")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return Who{}, errors.New("the connection shows no certificate of this cluster")
	}
	cert := info.State.VerifiedChains[0][0]
	role, name := subject(cert)
	if f.now().After(cert.NotAfter) {
		return Who{}, fmt.Errorf("the certificate of %s %s expired on %s", role, name, cert.NotAfter.Format(time.DateOnly))
	}
	if err := f.readRevoked(); err != nil {
		return Who{}, err
	}
	if f.isRevoked(cert.SerialNumber) {
		return Who{}, fmt.Errorf("the certificate %x of %s %s is revoked", cert.SerialNumber, role, name)
	}
	return Who{role, name}, nil
}

func (f *Files) isRevoked(serial *big.Int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.revoked[serial.String()]
}

// readRevoked reads crl.pem again if it has changed. One that can't be believed refuses everybody: a list cut short
// would let the revoked in.
func (f *Files) readRevoked() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := filepath.Join(f.dir, crlFile)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) && f.seen == nil {
		return nil // a participant without a list
	}
	if err != nil {
		return fmt.Errorf("the list of revoked certificates: %w", err)
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) &&
		f.seen.Size() == info.Size() {
		return nil
	}
	list, err := readCRL(path)
	if err != nil {
		return fmt.Errorf("the list of revoked certificates: %w", err)
	}
	authorities, err := readCerts(filepath.Join(f.dir, caFile))
	if err != nil {
		return err
	}
	signed := false
	for _, a := range authorities {
		signed = signed || list.CheckSignatureFrom(a) == nil
	}
	if !signed {
		return fmt.Errorf("the list of revoked certificates in %s is of no authority in %s", path, caFile)
	}
	revoked := map[string]bool{}
	for _, e := range list.RevokedCertificateEntries {
		revoked[e.SerialNumber.String()] = true
	}
	f.revoked, f.seen = revoked, info
	return nil
}
