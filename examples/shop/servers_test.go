//go:build linux

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const patience = 60 * time.Second

// eventually waits for a condition, not for a time.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	t.Fatalf("not within %s: %s: %v", patience, what, err)
}

// freePort is outside the range from which the kernel gives ports to clients, so that it stays free while its
// server is down.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.N(10000)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no free port between 20000 and 29999")
	return 0
}

// serverBinaries finds the real servers, or skips; with SHOP_E2E=required their absence is a failure.
func serverBinaries(t *testing.T) (initdb, postgres, redis string) {
	t.Helper()
	debian, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(debian)
	find := func(name string) string {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
		for _, folder := range slices.Backward(debian) {
			if path, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
				return path
			}
		}
		message := name + " is not installed: apt-get install postgresql-15 redis-server"
		if os.Getenv("SHOP_E2E") == "required" {
			t.Fatal(message)
		}
		t.Skip(message)
		return ""
	}
	return find("initdb"), find("postgres"), find("redis-server")
}

// process is a child that cannot outlive the test.
type process struct {
	*exec.Cmd
	ended chan struct{}
}

func start(t *testing.T, owner *syscall.Credential, log string, env []string, name string, args ...string) *process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p := &process{exec.Command(name, args...), make(chan struct{})}
	p.Stdout, p.Stderr, p.Env, p.Dir = out, out, env, filepath.Dir(log)
	p.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Pdeathsig: syscall.SIGQUIT}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.Wait(); close(p.ended) }()
	return p
}

// stop signals the process, waits for its end and gives back its exit code.
func (p *process) stop(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	_ = p.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.Process.Kill()
		t.Errorf("%s ignored %s for %s", p.Args, signal, patience)
	}
	return p.ProcessState.ExitCode()
}

// dataServer is a real database or queue on loopback that can be killed and come back with its data.
type dataServer struct {
	*process
	uri     string
	folder  string
	launch  func() *process
	answers func(context.Context) error
}

func (d *dataServer) up(t *testing.T) {
	t.Helper()
	d.process = d.launch()
	eventually(t, d.uri+" answers", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		return d.answers(ctx)
	})
}

// crash ends the server without a checkpoint or a last write.
func (d *dataServer) crash(t *testing.T, signal syscall.Signal) {
	t.Helper()
	d.stop(t, signal)
}

// unprivileged is the user for PostgreSQL, which refuses to run as root.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(found.Uid, 10, 32)
			gid, _ := strconv.ParseUint(found.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("PostgreSQL needs a user that is not root: none called postgres or nobody")
	return nil
}

// ownFolder makes a folder below root that the servers' user may use.
func ownFolder(t *testing.T, root, name string, owner *syscall.Credential) string {
	t.Helper()
	folder := filepath.Join(root, name)
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if owner != nil {
		if err := os.Chown(folder, int(owner.Uid), int(owner.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// newPostgres makes a server with one database, whose consumers have a role that is not the superuser.
func newPostgres(t *testing.T, root, name, initdb, postgres string, init map[string]string) *dataServer {
	t.Helper()
	owner := unprivileged(t)
	folder := ownFolder(t, root, name, owner)
	data := filepath.Join(folder, "data")
	made := start(t, owner, filepath.Join(root, name+".initdb.log"), os.Environ(),
		initdb, "-D", data, "-U", "admin", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")
	if code := made.stop(t, 0); code != 0 {
		t.Fatalf("initdb ended with %d", code)
	}
	port := freePort(t)
	admin := fmt.Sprintf("postgresql://admin@127.0.0.1:%d/postgres", port)
	server := &dataServer{folder: folder, uri: fmt.Sprintf("postgresql://shop:secret@127.0.0.1:%d/%s", port, name)}
	server.launch = func() *process {
		return start(t, owner, filepath.Join(root, name+".log"), os.Environ(), postgres, "-D", data, "-p", strconv.Itoa(port),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB")
	}
	server.answers = func(ctx context.Context) error { return execute(ctx, admin, "select 1") }
	server.up(t)
	statements := []string{`create role shop login password 'secret'`, `create database ` + name}
	for _, statement := range statements {
		if err := execute(t.Context(), admin, statement); err != nil {
			t.Fatal(err)
		}
	}
	for file, statements := range init {
		if err := execute(t.Context(), fmt.Sprintf("postgresql://admin@127.0.0.1:%d/%s", port, name), statements); err != nil {
			t.Fatalf("init %s of %s: %v", file, name, err)
		}
	}
	return server
}

// execute runs statements on a connection of their own.
func execute(ctx context.Context, uri, statements string) error {
	conn, err := pgx.Connect(ctx, uri)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	return conn.PgConn().Exec(ctx, statements).Close()
}

func newRedis(t *testing.T, root, name, binary string) *dataServer {
	t.Helper()
	owner := unprivileged(t)
	folder := ownFolder(t, root, name, owner)
	port := freePort(t)
	server := &dataServer{folder: folder, uri: fmt.Sprintf("redis://default:secret@127.0.0.1:%d", port)}
	server.launch = func() *process {
		return start(t, owner, filepath.Join(root, name+".log"), os.Environ(), binary, "--port", strconv.Itoa(port), "--bind", "127.0.0.1",
			"--requirepass", "secret", "--dir", folder, "--appendonly", "yes")
	}
	server.answers = func(ctx context.Context) error {
		client, err := openQueue(server.uri)
		if err != nil {
			return err
		}
		defer client.Close()
		return client.Ping(ctx).Err()
	}
	server.up(t)
	return server
}
