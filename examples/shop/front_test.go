//go:build linux

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// front is a service's stable address on loopback. Like a cluster's Service it passes each new connection to an
// instance that is ready, and leaves open connections alone.
type front struct {
	listener  net.Listener
	mu        sync.Mutex
	instances []string
	next      int
}

func newFront(t *testing.T) *front {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &front{listener: listener}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go f.pass(conn)
		}
	}()
	return f
}

func (f *front) url() string { return "http://" + f.listener.Addr().String() }

// follow adds an instance once it is ready, and from then on whenever it is, until it has ended.
func (f *front) follow(t *testing.T, address string, ended <-chan struct{}) {
	t.Helper()
	eventually(t, address+" ready", func() error { return healthy(address) })
	f.set(address, true)
	go func() {
		defer f.set(address, false)
		for {
			select {
			case <-ended:
				return
			case <-time.After(20 * time.Millisecond):
				f.set(address, healthy(address) == nil)
			}
		}
	}()
}

func (f *front) set(address string, ready bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.instances = slices.DeleteFunc(f.instances, func(a string) bool { return a == address })
	if ready {
		f.instances = append(f.instances, address)
	}
}

func healthy(address string) error {
	response, err := http.Get("http://" + address + "/healthz")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", response.Status)
	}
	return nil
}

func (f *front) pick() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.instances) == 0 {
		return ""
	}
	f.next++
	return f.instances[f.next%len(f.instances)]
}

func (f *front) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", f.pick())
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(client, server)
}
