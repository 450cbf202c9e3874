package worker

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// identity is the user that an executor runs as; nil: the worker's own.
type identity struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

// localTenant is the prefix of a tenant who is a user of the scheduler's machine; other tenants are named by a
// certificate.
const localTenant = "uid:"

// identityOf returns the user of this machine that a tenant's jobs run as. A worker that is not root can only use its
// own, and refuses other local users. An error is for the tenant.
func (w *Worker) identityOf(tenant string) (*identity, error) {
	number, local := strings.CutPrefix(tenant, localTenant)
	own := strconv.Itoa(os.Geteuid())
	if w.Ephemeral || local && number == own {
		return nil, nil
	}
	if own != "0" {
		if local && number != "0" {
			return nil, fmt.Errorf("the worker %s runs as user %s and can't run jobs of user %s: it has to run as root for that",
				w.Name, own, number)
		}
		return nil, nil
	}
	return w.lookUp(tenant, number, local)
}

func (w *Worker) lookUp(tenant, number string, local bool) (*identity, error) {
	var account *user.User
	var err error
	name, mapped := w.Users[tenant]
	switch {
	case mapped:
		account, err = user.Lookup(name)
	case local:
		account, err = user.LookupId(number)
	default:
		name = tenant
		account, err = user.Lookup(name)
	}
	if err != nil {
		return nil, fmt.Errorf("the tenant %s is no user of the machine %s, whose ranks could run as that user: create "+
			"one, or give "+
			"the worker --user %s=NAME (%v)", tenant, w.Name, tenant, err)
	}
	who, err := identityFrom(account)
	if err == nil && who.uid == 0 && !mapped && !local {
		err = fmt.Errorf("the tenant %s would run as root on %s: the worker has to be told so, by --user %s=%s", tenant,
			w.Name, tenant, name)
	}
	return who, err
}

func identityFrom(account *user.User) (*identity, error) {
	who := &identity{name: account.Username}
	groups, err := account.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("the groups of user %s: %w", account.Username, err)
	}
	fields := append([]string{account.Uid, account.Gid}, groups...)
	numbers := make([]uint32, len(fields))
	for i, field := range fields {
		n, err := strconv.ParseUint(field, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", account.Username, err)
		}
		numbers[i] = uint32(n)
	}
	who.uid, who.gid, who.groups = numbers[0], numbers[1], numbers[2:]
	return who, nil
}

func (i *identity) equal(other *identity) bool {
	if i == nil || other == nil {
		return i == other
	}
	return i.name == other.name && i.uid == other.uid && i.gid == other.gid && slices.Equal(i.groups, other.groups)
}

// credential is nil where a process is to run as its parent does.
func (i *identity) credential() *syscall.Credential {
	if i == nil {
		return nil
	}
	return &syscall.Credential{Uid: i.uid, Gid: i.gid, Groups: i.groups}
}
