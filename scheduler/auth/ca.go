// Package auth owns who is at the other end of a connection: the kernel's word on a local socket, a certificate of the
// cluster's own small certificate authority on TCP. It makes that authority, issues, rotates and revokes its
// certificates, and hands gRPC the credentials that rest on them. What a tenant or a worker may do is left to package
// scheduler.
//
// A participant's directory holds cert.pem and key.pem, ca.pem (the authorities that it trusts: several while one is
// being replaced) and, at the scheduler, crl.pem (the certificates that are revoked). The authority's own directory
// holds all that it ever issued.
package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Role is what a certificate is for. It stands in the certificate, as does the name; no request can say otherwise.
type Role string

// The roles.
const (
	Tenant    Role = "tenant"
	Worker    Role = "worker"
	Scheduler Role = "scheduler"
)

// Names of files.
const (
	certFile   = "cert.pem"
	keyFile    = "key.pem"
	caFile     = "ca.pem"
	crlFile    = "crl.pem"
	caKeyFile  = "ca-key.pem"
	issuedDir  = "issued"
	maxPEM     = 1 << 20
	maxName    = 64 // of a subject's common name, by the standard
	crlForever = 10 * 365 * 24 * time.Hour
	clockSlack = 5 * time.Minute // of machines whose clocks disagree
)

// ServerName is what every scheduler's certificate is for; which machine it runs on does not matter.
const ServerName = "scheduler.faasmrun"

// Authority is the cluster's certificate authority, in a directory that only its administrator reads.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time
}

// Create makes a new authority in an empty or missing directory.
func Create(dir, name string, life time.Duration) (*Authority, error) {
	if _, err := os.Stat(filepath.Join(dir, caKeyFile)); err == nil {
		return nil, fmt.Errorf("%s holds an authority already", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, issuedDir), 0o700); err != nil {
		return nil, err
	}
	a := &Authority{dir: dir, now: time.Now}
	if err := a.renew(name, life); err != nil {
		return nil, err
	}
	return a, a.writeRevoked(nil)
}

// Load opens an authority.
func Load(dir string) (*Authority, error) {
	a := &Authority{dir: dir, now: time.Now}
	certs, err := readCerts(filepath.Join(dir, caFile))
	if err != nil {
		return nil, fmt.Errorf("%s holds no authority (make one with init): %w", dir, err)
	}
	a.cert = certs[0]
	a.key, err = readKey(filepath.Join(dir, caKeyFile))
	return a, err
}

// renew makes a new key and puts its certificate before those that are trusted already.
func (a *Authority) renew(name string, life time.Duration) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: name},
		NotBefore: a.now().Add(-clockSlack),
		NotAfter:  a.now().Add(life), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	trusted, err := os.ReadFile(filepath.Join(a.dir, caFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// The key first: a certificate that is trusted and whose key is lost would be of no use.
	if err := writeKey(filepath.Join(a.dir, caKeyFile), key); err != nil {
		return err
	}
	if err := replace(filepath.Join(a.dir, caFile), append(encode("CERTIFICATE", der), trusted...), 0o644); err != nil {
		return err
	}
	a.key = key
	a.cert, err = x509.ParseCertificate(der)
	return err
}

// Rotate replaces the authority's key. Certificates of the old key stay good as long as participants trust both: hand
// the new ca.pem out, issue anew, then Retire.
func (a *Authority) Rotate(life time.Duration) error {
	revoked, err := a.revoked()
	if err != nil {
		return err
	}
	if err := a.renew(a.cert.Subject.CommonName, life); err != nil {
		return err
	}
	return a.writeRevoked(revoked)
}

// Retire ends the trust in all keys but the present one.
func (a *Authority) Retire() error {
	return replace(filepath.Join(a.dir, caFile), encode("CERTIFICATE", a.cert.Raw), 0o644)
}

// Issue makes a participant's directory: a certificate of its role and name, its key, and the authorities to trust.
func (a *Authority) Issue(role Role, name, dir string, life time.Duration) error {
	if err := checkName(role, name); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: serial(), NotBefore: a.now().Add(-clockSlack), NotAfter: a.now().Add(life),
		Subject:  pkix.Name{CommonName: name, OrganizationalUnit: []string{string(role)}},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if role == Scheduler {
		template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		template.DNSNames = []string{ServerName}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return err
	}
	trusted, err := os.ReadFile(filepath.Join(a.dir, caFile))
	if err != nil {
		return err
	}
	crl, err := os.ReadFile(filepath.Join(a.dir, crlFile))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	cert := encode("CERTIFICATE", der)
	return errors.Join(
		replace(filepath.Join(a.dir, issuedDir, fmt.Sprintf("%x.pem", template.SerialNumber)), cert, 0o644),
		writeKey(filepath.Join(dir, keyFile), key),
		replace(filepath.Join(dir, caFile), trusted, 0o644),
		replace(filepath.Join(dir, crlFile), crl, 0o644),
		replace(filepath.Join(dir, certFile), cert, 0o644))
}

func checkName(role Role, name string) error {
	switch {
	case role != Tenant && role != Worker && role != Scheduler:
		return fmt.Errorf("there is no role %q; tenant, worker and scheduler are", role)
	case name == "" || len(name) > maxName:
		return fmt.Errorf("a name has 1 to %d bytes", maxName)
	case strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune(`/\"',:`, c) }):
		return fmt.Errorf("the name %q holds characters other than letters, digits and .-_@", name)
	}
	return nil
}

// Issued is one certificate that the authority has made.
type Issued struct {
	Serial  string
	Role    Role
	Name    string
	Until   time.Time
	Revoked bool
}

// List is all that was issued, by name.
func (a *Authority) List() ([]Issued, error) {
	files, err := filepath.Glob(filepath.Join(a.dir, issuedDir, "*.pem"))
	if err != nil {
		return nil, err
	}
	revoked, err := a.revoked()
	if err != nil {
		return nil, err
	}
	var all []Issued
	for _, file := range files {
		certs, err := readCerts(file)
		if err != nil {
			return nil, err
		}
		role, name := subject(certs[0])
		all = append(all, Issued{fmt.Sprintf("%x", certs[0].SerialNumber), role, name, certs[0].NotAfter,
			contains(revoked, certs[0].SerialNumber)})
	}
	slices.SortFunc(all, func(x, y Issued) int { return strings.Compare(x.Name+x.Serial, y.Name+y.Serial) })
	return all, nil
}

// Revoke ends the certificates of a role and name, or of one serial number, and says how many. The new crl.pem is to be
// put into the scheduler's directory; it is read again as soon as it has changed.
func (a *Authority) Revoke(which func(Issued) bool) (int, error) {
	all, err := a.List()
	if err != nil {
		return 0, err
	}
	entries, err := a.revoked()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, i := range all {
		if i.Revoked || !which(i) {
			continue
		}
		number, _ := new(big.Int).SetString(i.Serial, 16)
		entries = append(entries, x509.RevocationListEntry{SerialNumber: number, RevocationTime: a.now()})
		n++
	}
	return n, a.writeRevoked(entries)
}

func (a *Authority) revoked() ([]x509.RevocationListEntry, error) {
	list, err := readCRL(filepath.Join(a.dir, crlFile))
	if err != nil {
		return nil, err
	}
	return list.RevokedCertificateEntries, nil
}

func (a *Authority) writeRevoked(entries []x509.RevocationListEntry) error {
	der, err := x509.CreateRevocationList(rand.Reader,
		&x509.RevocationList{Number: big.NewInt(a.now().UnixNano()), ThisUpdate: a.now(),
			NextUpdate: a.now().Add(crlForever), RevokedCertificateEntries: entries}, a.cert, a.key)
	if err != nil {
		return err
	}
	return replace(filepath.Join(a.dir, crlFile), encode("X509 CRL", der), 0o644)
}

func contains(entries []x509.RevocationListEntry, serial *big.Int) bool {
	return slices.ContainsFunc(entries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(serial) == 0 })
}

// subject reads a certificate's role and name.
func subject(c *x509.Certificate) (Role, string) {
	if len(c.Subject.OrganizationalUnit) != 1 {
		return "", c.Subject.CommonName
	}
	return Role(c.Subject.OrganizationalUnit[0]), c.Subject.CommonName
}

func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic("auth: no randomness: " + err.Error())
	}
	return n.Add(n, big.NewInt(1))
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// replace writes a file whole or not at all.
func replace(path string, data []byte, mode os.FileMode) error {
	part, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	if err = errors.Join(err, part.Chmod(mode), part.Sync(), part.Close()); err == nil {
		err = os.Rename(part.Name(), path)
	}
	if err != nil {
		os.Remove(part.Name())
	}
	return err
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return replace(path, encode("PRIVATE KEY", der), 0o600)
}

// blocks reads a PEM file's blocks of a kind.
func blocks(path, kind string) ([][]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxPEM {
		return nil, fmt.Errorf("%s has %d bytes; at most %d are read", path, info.Size(), maxPEM)
	}
	rest, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for {
		block, more := pem.Decode(rest)
		if block == nil {
			break
		}
		if block.Type == kind {
			found = append(found, block.Bytes)
		}
		rest = more
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s holds no %s", path, strings.ToLower(kind))
	}
	return found, nil
}

func readCerts(path string) ([]*x509.Certificate, error) {
	ders, err := blocks(path, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		certs = append(certs, c)
	}
	return certs, nil
}

func readKey(path string) (*ecdsa.PrivateKey, error) {
	ders, err := blocks(path, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(ders[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind", path)
	}
	return ec, nil
}

func readCRL(path string) (*x509.RevocationList, error) {
	ders, err := blocks(path, "X509 CRL")
	if err != nil {
		return nil, err
	}
	list, err := x509.ParseRevocationList(ders[0])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}
