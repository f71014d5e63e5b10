//! Routes of other protocols than plain HTTP, through the real Gateway; the sentences are those of docs/routing.md.
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::world::World;

/// Sends back what it gets, once the handshake of RFC 6455 is done.
const STACK: &str = r#"
apiVersion: microservicestack.dev/v1alpha1
kind: MicroserviceStack
metadata: { name: echo, namespace: protocols }
spec:
  routing: { gateway: { name: public, namespace: infra } }
  services:
    echo:
      image: localhost/postgres:15
      command: [perl, /srv/echo.pl]
      port: 8080/ws
      expose: [{ host: echo.example.com }]
      security: { runAsUser: 10001 }
      files:
        /srv/echo.pl: |
          use strict; use IO::Socket::INET; use Digest::SHA qw(sha1); use MIME::Base64;
          $SIG{TERM} = sub { exit 0 };
          $SIG{CHLD} = 'IGNORE';
          my $door = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die $!;
          while (my $guest = $door->accept) {
            next if fork;
            my $key = '';
            while (my $line = <$guest>) {
              $line =~ s/\r?\n//;
              last if $line eq '';
              $key = $1 if $line =~ /^sec-websocket-key:\s*(\S+)/i;
            }
            my $accepted = encode_base64(sha1($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'), '');
            print $guest "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: $accepted\r\n\r\n";
            $guest->flush;
            while (sysread($guest, my $bytes, 4096)) { syswrite($guest, $bytes) }
            exit 0;
          }
"#;
/// The example of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPTED: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// "by which Gateways tell WebSocket [...] from HTTP/1.1", and "A port `grpc` gets a GRPCRoute".
pub fn a_websocket_stays_open_through_the_gateway_and_a_grpc_route_is_accepted(world: &World) {
    world.kubectl(&["create", "namespace", "protocols"]);
    world.apply(STACK);
    until_ready(world);
    world.until("a WebSocket that gives back what it gets", Duration::from_secs(30), || echoed(world.gateway()));

    world.apply(&STACK.replace("8080/ws", "8080/grpc"));
    until_ready(world);
    let routes = world.kubectl(&["-n", "protocols", "get", "httproutes,grpcroutes", "-o", "name"]);
    assert_eq!(routes.trim(), "grpcroute.gateway.networking.k8s.io/echo");
    world.kubectl(&["delete", "namespace", "protocols"]);
}

fn until_ready(world: &World) {
    world.kubectl(&["-n", "protocols", "wait", "mstack/echo", "--for=condition=Ready", "--timeout=2m"]);
}

fn echoed(gateway: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect((gateway, 80)).map_err(|error| error.to_string())?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let asked = format!(
        "GET / HTTP/1.1\r\nHost: echo.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(asked.as_bytes()).map_err(|error| error.to_string())?;
    let head = read(&mut stream)?;
    if !head.starts_with(b"HTTP/1.1 101 ") || !String::from_utf8_lossy(&head).contains(ACCEPTED) {
        return Err(String::from_utf8_lossy(&head).into_owned());
    }
    let frame = b"\x82\x05hello";
    stream.write_all(frame).map_err(|error| error.to_string())?;
    let back = read(&mut stream)?;
    (back == frame).then_some(()).ok_or(format!("{back:?}"))
}

fn read(stream: &mut TcpStream) -> Result<Vec<u8>, String> {
    let mut bytes = [0; 4096];
    let count = stream.read(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes[..count].to_vec())
}
