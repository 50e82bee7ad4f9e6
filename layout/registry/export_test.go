package registry

import "time"

// Hurry has a client wait for anything no longer than d.
func (c *Client) Hurry(d time.Duration) {
	c.patience = patience{silent: d, send: d, small: d, upload: d, list: 4 * d, helper: d}
}
