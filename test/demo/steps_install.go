package main

import (
	"context"
	"strings"
)

func controlPlane() step {
	return step{
		title: "A control plane",
		why:   "etcd, kube-apiserver and kube-controller-manager, compiled from their own source. kube-apiserver trusts no issuer yet.",
		prepare: func(ctx context.Context, s *stage) (string, error) {
			return "", s.startControlPlane(ctx)
		},
		commands: []command{
			{line: "kubectl version", want: []string{"Server Version: v1."}},
		},
	}
}

func install() step {
	return step{
		title: "Install Watchword",
		why:   "CRDs, admission policies, least-privilege RBAC and the Deployment, as in any cluster.",
		commands: []command{
			{line: "kubectl apply -k config/default", want: []string{
				"customresourcedefinition.apiextensions.k8s.io/realms.identity.watchword.io created",
				"serviceaccount/watchword created",
				"deployment.apps/watchword created",
			}},
			{
				line: "kubectl wait --for=condition=Established crd --all --timeout=20s",
				want: []string{"users.identity.watchword.io condition met"},
			},
		},
	}
}

func realm() step {
	return step{
		title: "A realm: issuer, people, applications, who may do what",
		why:   "config/samples, with this machine's address as the issuer, and its rotation of keys scaled from an hour to seconds.",
		commands: []command{
			{
				line: `kubectl kustomize config/samples | sed "s|https://id.example.com/realms/acme|$ISSUER|" | kubectl apply -f -`,
				want: []string{"realm.identity.watchword.io/acme created", "user.identity.watchword.io/alice created"},
			},
			{
				line: `kubectl patch realm acme -n acme --type=merge -p '{"spec": {"signing": {"keysMaxAge": "2s", "publishBefore": "4s"}}}'`,
				want: []string{"patched"},
			},
		},
	}
}

func operate() step {
	return step{
		title: "The operator, with the rights of its ServiceAccount and no other",
		why:   "There is no kubelet on this stage, so the Deployment's binary is started by hand, with a token of the ServiceAccount.",
		prepare: func(ctx context.Context, s *stage) (string, error) {
			if err := s.startOperator(ctx); err != nil {
				return "", err
			}
			return "bin/watchword " + strings.Join(s.operator.Args, " ") + " &", nil
		},
		commands: []command{
			{
				line:   "kubectl auth can-i get secrets -n kube-system --as=system:serviceaccount:watchword-system:watchword",
				status: 1, want: []string{"no"},
			},
			{
				line: "kubectl wait -n acme --for=condition=Ready --timeout=20s realm/acme user/alice clientapplication/ci-pipeline clientapplication/kubernetes",
				want: []string{"realm.identity.watchword.io/acme condition met", "clientapplication.identity.watchword.io/ci-pipeline condition met"},
			},
			{
				line: "kubectl get users,clientapplications,accessrules -n acme",
				want: []string{"alice", "ci-pipeline", "researchers-view-their-namespaces"},
			},
		},
	}
}

func trust() step {
	return step{
		title: "Make kube-apiserver trust the realm",
		why:   "The plugin renders the file that kube-apiserver watches, and has kube-apiserver's own code judge it first. It takes effect in about ten seconds.",
		commands: []command{
			{
				line: `kubectl watchword trust render acme -n acme -o "$AUTHENTICATION_CONFIG"`,
				want: []string{"trusts https://127.0.0.1:", "users acme:<name>"},
			},
			{
				line: `grep -E 'url:|expression:|prefix:' "$AUTHENTICATION_CONFIG"`,
				want: []string{`claims.sub != ""`, `!user.username.lowerAscii().startsWith("system:")`, "prefix: 'acme:'"},
			},
			{line: `kubectl get configmap acme-ca -n acme -o jsonpath='{.data.ca\.crt}' > "$CA_FILE"`},
		},
	}
}
