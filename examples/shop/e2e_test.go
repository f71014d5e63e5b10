//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shop is the whole application on loopback: the stack's services against real servers.
type shop struct {
	stack   stack
	root    string
	binary  string
	servers map[string]*dataServer
	fronts  map[string]*front
	started int
}

func openShop(t *testing.T) *shop {
	t.Helper()
	initdb, postgres, redis := serverBinaries(t)
	root, err := os.MkdirTemp("", "shop-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) })
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	s := &shop{stack: readStack(t), root: root, binary: filepath.Join(root, "shop"),
		servers: map[string]*dataServer{}, fronts: map[string]*front{}}
	if out, err := exec.Command("go", "build", "-o", s.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { s.showLogs(t) })
	for name, database := range s.stack.Spec.Databases {
		switch database.Engine {
		case "postgres":
			s.servers[name] = newPostgres(t, root, name, initdb, postgres, database.Init)
		case "redis":
			s.servers[name] = newRedis(t, root, name, redis)
		default:
			t.Fatalf("no server for engine %s", database.Engine)
		}
		t.Cleanup(func() { s.servers[name].stop(t, syscall.SIGQUIT) })
	}
	for name, service := range s.stack.Spec.Services {
		if service.Port != 0 {
			s.fronts[name] = newFront(t)
		}
	}
	return s
}

func (s *shop) showLogs(t *testing.T) {
	if !t.Failed() {
		return
	}
	logs, _ := filepath.Glob(filepath.Join(s.root, "*.log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		t.Logf("%s:\n%s", filepath.Base(log), text[max(0, len(text)-4000):])
	}
}

// env is what is injected into a component: the stack's config, and discovery for what it uses and nothing else.
func (s *shop) env(component component) []string {
	var env []string
	for name, value := range s.stack.Spec.Config {
		env = append(env, name+"="+value)
	}
	for _, used := range component.Uses {
		if server, isDatabase := s.servers[used]; isDatabase {
			env = append(env, envName(used, "URI")+"="+server.uri)
		} else if front := s.fronts[used]; front != nil {
			env = append(env, envName(used, "URL")+"="+front.url())
		}
	}
	return env
}

// instance starts one more instance of a service; the end of the test, or the caller, ends it with SIGTERM.
func (s *shop) instance(t *testing.T, service string) *process {
	t.Helper()
	s.started++
	name := fmt.Sprintf("%s-%d", service, s.started)
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	declared := s.stack.Spec.Services[service]
	env := append(s.env(declared), "POD_NAME="+name, "SHOP_LISTEN="+address, "SHOP_DRAIN=1s")
	p := start(t, nil, filepath.Join(s.root, name+".log"), env, s.binary, declared.Args...)
	if f := s.fronts[service]; f != nil {
		f.follow(t, address, p.ended)
	}
	return p
}

// end stops an instance as a node would, and expects it to leave without complaint.
func end(t *testing.T, p *process) {
	t.Helper()
	if code := p.stop(t, syscall.SIGTERM); code != 0 {
		t.Errorf("%s ended with %d after SIGTERM", p.Args, code)
	}
}

// reply is any answer of the web API.
type reply struct {
	identity
	status    int
	header    http.Header
	Backend   string    `json:"backend"`
	Error     string    `json:"error"`
	Products  []product `json:"products"`
	Order     order     `json:"order"`
	Total     int       `json:"total"`
	Confirmed int       `json:"confirmed"`
}

func (s *shop) call(client *http.Client, method, path, body string, headers ...string) (reply, error) {
	var told reply
	request, err := http.NewRequest(method, s.fronts["web"].url()+path, strings.NewReader(body))
	if err != nil {
		return told, err
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		return told, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return told, err
	}
	told.status, told.header = response.StatusCode, response.Header
	return told, json.NewDecoder(bytes.NewReader(text)).Decode(&told)
}

func (s *shop) expect(t *testing.T, status int, method, path, body string, headers ...string) reply {
	t.Helper()
	told, err := s.call(http.DefaultClient, method, path, body, headers...)
	if err != nil || told.status != status {
		t.Fatalf("%s %s %s: %d %s %v, not %d", method, path, body, told.status, told.Error, err, status)
	}
	return told
}

func (s *shop) place(t *testing.T) string {
	t.Helper()
	return s.expect(t, http.StatusCreated, "POST", "/api/orders", `{"product":"mug","quantity":2}`).Order.ID
}

func (s *shop) eventuallyConfirmed(t *testing.T, id string) {
	t.Helper()
	eventually(t, "order "+id+" confirmed", func() error {
		told, err := s.call(http.DefaultClient, "GET", "/api/orders/"+id, "")
		if err == nil && told.Order.ConfirmedAt == nil {
			err = fmt.Errorf("%d, not confirmed", told.status)
		}
		return err
	})
}

func (s *shop) storedOrders(t *testing.T) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.servers["purchases"].uri)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var stored int
	if err := conn.QueryRow(t.Context(), `select count(*) from orders`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestShop(t *testing.T) {
	s := openShop(t)
	running := map[string]*process{}
	for _, service := range []string{"mailer", "catalog", "orders", "web"} {
		running[service] = s.instance(t, service)
	}
	t.Cleanup(func() {
		for _, p := range running {
			end(t, p)
		}
	})
	journey := []struct {
		sentence string
		check    func(*testing.T, *shop, map[string]*process)
	}{
		{"an order placed through web is stored and confirmed by the mailer", orderIsStoredAndConfirmed},
		{"a repeated request stays one order", repeatedRequestIsOneOrder},
		{"a wrong request is refused with its reason", wrongRequestsAreRefused},
		{"a crash of the orders' database loses no order and leaves the catalog alone", databaseCrashLosesNothing},
		{"orders are taken while the queue is out and confirmed when it is back", queueOutageDelaysOnly},
		{"a queue that comes back empty is filled again from the database", emptyQueueIsFilledAgain},
		{"an instance that gets SIGTERM under load loses no request", sigtermLosesNothing},
		{"the stack's test buys something, and fails where something is given away", checkoutDecides},
	}
	for _, step := range journey {
		t.Run(step.sentence, func(t *testing.T) { step.check(t, s, running) })
	}
}

func orderIsStoredAndConfirmed(t *testing.T, s *shop, _ map[string]*process) {
	listed := s.expect(t, http.StatusOK, "GET", "/api/products", "")
	if len(listed.Products) != 5 || listed.Products[0].ID != "beans" {
		t.Errorf("products are %+v", listed.Products)
	}
	if !strings.HasPrefix(listed.Instance, "web-") || !strings.HasPrefix(listed.Backend, "catalog-") {
		t.Errorf("answered by %q through %q", listed.Instance, listed.Backend)
	}
	if want := s.stack.Spec.Config["SHOP_VERSION"]; listed.Version != want || listed.header.Get("Shop-Version") != want {
		t.Errorf("version is %q and %q, the stack says %q", listed.Version, listed.header.Get("Shop-Version"), want)
	}
	id := s.place(t)
	if stored := s.storedOrders(t); stored != 1 {
		t.Errorf("%d orders stored", stored)
	}
	s.eventuallyConfirmed(t, id)
	if all := s.expect(t, http.StatusOK, "GET", "/api/orders", ""); all.Total != 1 || all.Confirmed != 1 {
		t.Errorf("%d orders, %d confirmed", all.Total, all.Confirmed)
	}
}

func repeatedRequestIsOneOrder(t *testing.T, s *shop, _ map[string]*process) {
	before := s.storedOrders(t)
	for range 2 {
		s.expect(t, http.StatusCreated, "POST", "/api/orders", `{"product":"mug","quantity":3}`, "Idempotency-Key", "again")
	}
	s.expect(t, http.StatusConflict, "POST", "/api/orders", `{"product":"mug","quantity":4}`, "Idempotency-Key", "again")
	if stored := s.storedOrders(t) - before; stored != 1 {
		t.Errorf("%d orders stored", stored)
	}
}

func wrongRequestsAreRefused(t *testing.T, s *shop, _ map[string]*process) {
	before := s.storedOrders(t)
	for body, want := range map[string]int{
		`{"product":"unicorn","quantity":1}`:       http.StatusUnprocessableEntity,
		`{"product":"mug","quantity":0}`:           http.StatusUnprocessableEntity,
		`{"product":"mug","quantity":1001}`:        http.StatusUnprocessableEntity,
		`{"product":"mug","quantity":1,"cents":1}`: http.StatusBadRequest,
		`mug`: http.StatusBadRequest,
	} {
		if told := s.expect(t, want, "POST", "/api/orders", body); told.Error == "" {
			t.Errorf("%s: refused without a reason", body)
		}
	}
	s.expect(t, http.StatusNotFound, "GET", "/api/orders/none", "")
	if stored := s.storedOrders(t); stored != before {
		t.Errorf("%d refused orders stored", stored-before)
	}
}

func databaseCrashLosesNothing(t *testing.T, s *shop, _ map[string]*process) {
	kept := s.place(t)
	before := s.storedOrders(t)
	s.servers["purchases"].crash(t, syscall.SIGQUIT)
	s.expect(t, http.StatusOK, "GET", "/api/products", "")
	out := s.expect(t, http.StatusServiceUnavailable, "POST", "/api/orders", `{"product":"mug","quantity":1}`)
	if out.header.Get("Retry-After") == "" || out.Error == "" {
		t.Errorf("an outage is reported as %q, Retry-After %q", out.Error, out.header.Get("Retry-After"))
	}
	s.servers["purchases"].up(t)
	eventually(t, "orders taken again", func() error {
		told, err := s.call(http.DefaultClient, "POST", "/api/orders", `{"product":"mug","quantity":1}`)
		if err == nil && told.status != http.StatusCreated {
			err = errors.New(told.Error)
		}
		return err
	})
	if stored := s.storedOrders(t) - before; stored != 1 {
		t.Errorf("%d orders more, not 1", stored)
	}
	s.eventuallyConfirmed(t, kept)
}

func queueOutageDelaysOnly(t *testing.T, s *shop, _ map[string]*process) {
	s.servers["jobs"].crash(t, syscall.SIGKILL)
	id := s.place(t)
	s.servers["jobs"].up(t)
	s.eventuallyConfirmed(t, id)
}

func emptyQueueIsFilledAgain(t *testing.T, s *shop, running map[string]*process) {
	end(t, running["mailer"])
	id := s.place(t)
	queued := `do $$ begin perform 1 from orders where id = '` + id + `' and queued_at is not null;
		if not found then raise 'not queued'; end if; end $$`
	eventually(t, "order queued", func() error { return execute(t.Context(), s.servers["purchases"].uri, queued) })

	jobs := s.servers["jobs"]
	jobs.crash(t, syscall.SIGKILL)
	if err := os.RemoveAll(filepath.Join(jobs.folder, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	jobs.up(t)
	running["mailer"] = s.instance(t, "mailer")
	// The clock is moved, not waited for: the order was placed and queued more than half a minute ago.
	aged := `update orders set placed_at = now() - interval '70 seconds', queued_at = now() - interval '60 seconds'
		where id = '` + id + `'`
	if err := execute(t.Context(), s.servers["purchases"].uri, aged); err != nil {
		t.Fatal(err)
	}
	s.eventuallyConfirmed(t, id)
}

func sigtermLosesNothing(t *testing.T, s *shop, running map[string]*process) {
	before := s.storedOrders(t)
	var sent, placed atomic.Int64
	stopped := make(chan struct{})
	var workers sync.WaitGroup
	for i := range 4 {
		// Two keep their connections, as a gateway does; two connect each time, as curl does.
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: i%2 == 0}}
		workers.Go(func() {
			for {
				select {
				case <-stopped:
					return
				case <-time.After(10 * time.Millisecond):
				}
				for _, ask := range []struct {
					method, path, body string
					want               int
				}{
					{"GET", "/api/products", "", http.StatusOK},
					{"POST", "/api/orders", `{"product":"kettle","quantity":1}`, http.StatusCreated},
				} {
					sent.Add(1)
					told, err := s.call(client, ask.method, ask.path, ask.body)
					if err != nil || told.status != ask.want {
						t.Errorf("%s %s: %d %s %v", ask.method, ask.path, told.status, told.Error, err)
					} else if ask.method == "POST" {
						placed.Add(1)
					}
				}
			}
		})
	}
	for _, service := range []string{"web", "catalog", "orders"} {
		next := s.instance(t, service)
		mark := sent.Load()
		end(t, running[service])
		running[service] = next
		eventually(t, "requests during the change", func() error {
			if sent.Load() < mark+20 {
				return errors.New("too few")
			}
			return nil
		})
	}
	close(stopped)
	workers.Wait()
	if stored := int64(s.storedOrders(t) - before); stored != placed.Load() {
		t.Errorf("%d orders accepted, %d stored", placed.Load(), stored)
	}
	t.Logf("%d requests while web, catalog and orders were replaced", sent.Load())
	eventually(t, "all orders confirmed", func() error {
		all, err := s.call(http.DefaultClient, "GET", "/api/orders", "")
		if err == nil && all.Confirmed != all.Total {
			err = fmt.Errorf("%d of %d", all.Confirmed, all.Total)
		}
		return err
	})
}

func checkoutDecides(t *testing.T, s *shop, running map[string]*process) {
	checkout := func() (string, error) {
		declared := s.stack.Spec.Tests["checkout"]
		test := exec.Command(s.binary, declared.Args...)
		test.Env = append(s.env(declared), fmt.Sprintf("POD_NAME=checkout-%d", s.storedOrders(t)))
		out, err := test.CombinedOutput()
		return string(out), err
	}
	before := s.storedOrders(t)
	if out, err := checkout(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if placed := s.storedOrders(t) - before; placed != 1 {
		t.Errorf("%d orders placed, not 1", placed)
	}
	end(t, running["catalog"])
	s.stack.Spec.Config["SHOP_DISCOUNT"] = "100"
	running["catalog"] = s.instance(t, "catalog")
	eventually(t, "prices of nothing", func() error {
		told, err := s.call(http.DefaultClient, "GET", "/api/products", "")
		if err == nil && told.Products[0].Cents != 0 {
			err = fmt.Errorf("still %d cents", told.Products[0].Cents)
		}
		return err
	})
	if out, err := checkout(); err == nil || !strings.Contains(out, "gives nothing away") {
		t.Errorf("%v: %s", err, out)
	}
}
