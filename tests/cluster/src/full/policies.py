"""Enforces NetworkPolicies on the nodes of a local cluster: watches policies, pods and namespaces, and keeps two chains of
iptables in the network namespace of each node in line with them.

Usage: policies.py SERVER AUTHORITY CERTIFICATE KEY NODE=NAMESPACE...

What it knows: the whole of networking.k8s.io/v1 for IPv4. What it leaves out: a node's own processes are never held back,
neither as callers nor as called. What is not admitted is dropped, as most networks do, so a caller waits in vain.
"""

import http.client
import ipaddress
import json
import ssl
import subprocess
import sys
import threading
import time
import urllib.parse

PATHS = {
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
}
ANYWHERE = "0.0.0.0/0"
# Of each direction: the chain, the list of rules, the list of peers, and how iptables calls the pod's and the other end.
DIRECTIONS = {
    "Ingress": ("MSTACK-IN", "ingress", "from", "-d", "-s"),
    "Egress": ("MSTACK-OUT", "egress", "to", "-s", "-d"),
}


def selects(selector, labels):
    """Whether a LabelSelector selects an object with these labels."""
    holds = {
        "In": lambda value, values: value in values,
        "NotIn": lambda value, values: value not in values,
        "Exists": lambda value, values: value is not None,
        "DoesNotExist": lambda value, values: value is None,
    }
    expressions = selector.get("matchExpressions", [])
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items()) and all(
        holds[one["operator"]](labels.get(one["key"]), one.get("values", [])) for one in expressions
    )


def labels_of(thing):
    return thing["metadata"].get("labels", {})


def namespace_of(thing):
    return thing["metadata"].get("namespace")


def has_address(pod):
    """Whether packets of this address are the pod's: not the node's, and not those of a pod that came later."""
    status = pod.get("status", {})
    ended = status.get("phase") in ("Succeeded", "Failed")
    return not pod["spec"].get("hostNetwork") and not ended and "." in status.get("podIP", "")


def networks(block):
    """An IPBlock as networks without exceptions."""
    left = [ipaddress.ip_network(block["cidr"], strict=False)]
    for part in block.get("except", []):
        part = ipaddress.ip_network(part, strict=False)
        inside = lambda network: network.version == part.version and part.subnet_of(network)
        left = [piece for network in left for piece in (network.address_exclude(part) if inside(network) else [network])]
    return [str(network) for network in left if network.version == 4]


def places(peers, policy, pods, namespaces):
    """The networks of a list of peers, each with its pod where it is one."""
    if not peers:
        yield ANYWHERE, None
    for peer in peers or []:
        if "ipBlock" in peer:
            yield from ((network, None) for network in networks(peer["ipBlock"]))
            continue
        for pod in pods:
            if "namespaceSelector" in peer:
                own = namespaces.get(namespace_of(pod))
                fits = own is not None and selects(peer["namespaceSelector"], labels_of(own))
            else:
                fits = namespace_of(pod) == namespace_of(policy)
            if fits and selects(peer.get("podSelector", {}), labels_of(pod)):
                yield pod["status"]["podIP"], pod


def ports(listed, called):
    """The ports of a rule in the words of iptables; names are looked up in the pod that is called."""
    if not listed:
        yield ""
    for one in listed or []:
        protocol, port = one.get("protocol", "TCP"), one.get("port")
        match = f"-p {protocol.lower()}"
        if port is None:
            yield match
        elif isinstance(port, int):
            yield f"{match} --dport {port}:{one.get('endPort', port)}"
        else:
            containers = called["spec"]["containers"] if called else []
            for own in (own for container in containers for own in container.get("ports", [])):
                if own.get("name") == port and own.get("protocol", "TCP") == protocol:
                    yield f"{match} --dport {own['containerPort']}"


def chain(direction, node, policies, pods, namespaces):
    """The rules of one direction on one node: what is admitted of each pod that a policy selects, then nothing."""
    name, rules_key, peers_key, own_end, other_end = DIRECTIONS[direction]
    lines = [f"-A {name} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"]
    for pod in pods:
        selecting = [
            policy
            for policy in policies
            if namespace_of(policy) == namespace_of(pod)
            and direction in policy["spec"].get("policyTypes", [])
            and selects(policy["spec"]["podSelector"], labels_of(pod))
        ]
        if pod["spec"].get("nodeName") != node or not selecting:
            continue
        own = f"-A {name} {own_end} {pod['status']['podIP']}"
        admitted = {
            f"{own} {other_end} {network} {port} -j RETURN"
            for policy in selecting
            for rule in policy["spec"].get(rules_key, [])
            for network, peer in places(rule.get(peers_key), policy, pods, namespaces)
            for port in ports(rule.get("ports"), pod if direction == "Ingress" else peer)
        }
        lines += [*sorted(admitted), f"{own} -j DROP"]
    return lines


def table(node, policies, pods, namespaces):
    """The input of iptables-restore for one node. Naming a chain empties it, in the same step as it is filled."""
    pods = [pod for pod in pods if has_address(pod)]
    chains = [f":{chain_name} - [0:0]" for chain_name, *_ in DIRECTIONS.values()]
    rules = [line for direction in DIRECTIONS for line in chain(direction, node, policies, pods, namespaces)]
    # Before the table `filter`, in which kube-proxy admits what it has seen.
    return "\n".join(["*mangle", *chains, *rules, "COMMIT", ""])


class Cluster:
    """What is known of the cluster, kept up to date by one thread for each kind."""

    def __init__(self, server, authority, certificate, key):
        self.server = urllib.parse.urlsplit(server).netloc
        self.context = ssl.create_default_context(cafile=authority)
        self.context.load_cert_chain(certificate, key)
        self.objects = {}
        self.changes = 0
        self.changed = threading.Condition()
        for kind in PATHS:
            threading.Thread(target=self.follow, args=[kind], daemon=True).start()

    def follow(self, kind):
        while True:
            try:
                self.watch(kind, self.list(kind))
            except (OSError, http.client.HTTPException, ValueError) as error:
                print(f"{kind}: {error!r}; listing them again", flush=True)
            time.sleep(1)

    def ask(self, path):
        connection = http.client.HTTPSConnection(self.server, context=self.context, timeout=330)
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"GET {path}: {answer.status} {answer.reason}")
        return answer

    def list(self, kind):
        found = json.load(self.ask(PATHS[kind]))
        with self.changed:
            self.objects[kind] = {one["metadata"]["uid"]: one for one in found["items"]}
            self.tell()
        return found["metadata"]["resourceVersion"]

    def watch(self, kind, version):
        for line in self.ask(f"{PATHS[kind]}?watch=1&timeoutSeconds=300&resourceVersion={version}"):
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            with self.changed:
                if event["type"] == "DELETED":
                    self.objects[kind].pop(event["object"]["metadata"]["uid"], None)
                else:
                    self.objects[kind][event["object"]["metadata"]["uid"]] = event["object"]
                self.tell()

    def tell(self):
        self.changes += 1
        self.changed.notify()

    def tables(self, nodes):
        """What each node is to have."""
        with self.changed:
            all_of = {kind: list(self.objects[kind].values()) for kind in PATHS}
        namespaces = {one["metadata"]["name"]: one for one in all_of["namespaces"]}
        return {node: table(node, all_of["policies"], all_of["pods"], namespaces) for node in nodes}

    def wait_for(self, is_enough):
        with self.changed:
            self.changed.wait_for(is_enough)


def within(namespace, *words, **options):
    return subprocess.run(["nsenter", f"--net=/run/netns/{namespace}", *words], text=True, **options)


def install(namespace, content):
    """Fills the chains, and makes packets pass through them."""
    within(namespace, "iptables-restore", "--noflush", input=content, check=True)
    for name, *_ in DIRECTIONS.values():
        jump = ["FORWARD", "-j", name]
        if within(namespace, "iptables", "-t", "mangle", "-C", *jump, stderr=subprocess.DEVNULL).returncode != 0:
            within(namespace, "iptables", "-t", "mangle", "-A", *jump, check=True)


def main(server, authority, certificate, key, *nodes):
    nodes = dict(node.split("=", 1) for node in nodes)
    cluster = Cluster(server, authority, certificate, key)
    cluster.wait_for(lambda: len(cluster.objects) == len(PATHS))
    installed = {}
    while True:
        seen = cluster.changes
        for node, content in cluster.tables(nodes).items():
            if installed.get(node) != content:
                install(nodes[node], content)
                installed[node] = content
                print(f"{node}: {content.count('-j DROP')} directions of pods are held to policies", flush=True)
        cluster.wait_for(lambda: cluster.changes != seen)
        # What changes together is installed together.
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
