package signature

import "errors"

// What is wrong with a key or a signature. Every error of this package about
// foreign data wraps one of these.
var (
	// ErrFormat: not what such a file looks like.
	ErrFormat = errors.New("malformed")
	// ErrUnsupported: an algorithm, or a kind of key or bundle, that is not
	// accepted here.
	ErrUnsupported = errors.New("not supported")
	// ErrPassword: the password does not open the private key.
	ErrPassword = errors.New("wrong password, or the key file is damaged")
	// ErrUnsigned: there is no signature at all.
	ErrUnsigned = errors.New("not signed")
	// ErrOtherContent: a signature of something else.
	ErrOtherContent = errors.New("signature of other content")
	// ErrOtherKey: a signature that none of the keys made.
	ErrOtherKey = errors.New("signed with another key")
	// ErrForged: it names a key that was asked for, which did not make it.
	ErrForged = errors.New("the signature does not hold")
	// ErrTooFew: good signatures, but by fewer keys than were required.
	ErrTooFew = errors.New("too few signatures")
)
