package main

func application() step {
	return step{
		title: "A web application signs her in",
		why: "The portal is a relying party with golang.org/x/oauth2 and coreos/go-oidc. browse is a person with a text browser: " +
			"it follows links, keeps cookies and fills in the form.",
		commands: []command{
			{line: `PORTAL_SECRET=$(kubectl get secret portal-client-secret -n acme -o jsonpath='{.data.client_secret}' | base64 -d)
portal "$PORTAL" portal "$PORTAL_SECRET" >bin/demo/portal.log 2>&1 &
until curl -s "http://$PORTAL/" >/dev/null; do sleep 0.1; done`},
			{
				line: `browse "http://$PORTAL/" "$USERNAME" "$PASSWORD"`,
				want: []string{
					"/authorize?client_id=portal", "200 Sign in", "/login", "/callback?code=",
					"Welcome, alice <alice@example.com>, of [researchers].",
				},
			},
		},
	}
}

func kubectlSignsIn() step {
	return step{
		title: "kubectl signs in by itself",
		why: "The kubeconfig has no secret: kubectl asks the plugin, and the plugin asks the person, here by a code for another device. " +
			"confirm is that person, elsewhere. kubectl's tokens are made to last for ten seconds, to see what comes after.",
		commands: []command{
			{
				line: `kubectl patch clientapplication kubernetes -n acme --type=merge -p '{"spec": {"tokens": {"id": "10s"}}}'
kubectl run notebook -n research --image=registry.example.com/notebook`,
				want: []string{"patched", "pod/notebook created"},
			},
			{
				line: `kubectl watchword kubeconfig -n acme --name acme --login device --keep-current-context`,
				want: []string{`wrote context "acme"`},
			},
			{
				line: `kubectl --context acme get pods -n research >bin/demo/pods 2>bin/demo/login &
until grep user_code= bin/demo/login >/dev/null; do sleep 0.1; done; cat bin/demo/login`,
				want: []string{"on any device, open", "/device?user_code="},
			},
			{
				line: `confirm "$(grep -o 'https:.*user_code=.*' bin/demo/login)" "$USERNAME" "$PASSWORD"`,
				want: []string{"200 Sign in", "/device", "kubectl"},
			},
			{
				line: `wait $!; cat bin/demo/pods`,
				want: []string{"notebook", "Pending"},
			},
		},
	}
}

func signedOut() step {
	return step{
		title: "Her session is an object, and deleting it signs her out",
		why:   "Two devices, two sessions. The token in use works to its end, seconds from now; what is refused is the next refresh.",
		commands: []command{
			{
				line: `kubectl watchword whoami --context acme; kubectl get sessions -n acme`,
				want: []string{"alice", "researchers", "Password"},
			},
			{
				line: `SESSION=$(kubectl watchword whoami --context acme -o json | sed -n 's/.*"sid": "\(.*\)".*/\1/p')
kubectl delete session "$SESSION" -n acme`,
				want: []string{"deleted"},
			},
			{
				line: `while ANSWER=$(kubectl watchword whoami --offline --context acme 2>&1); do sleep 0.5; done; echo "$ANSWER"`,
				want: []string{"has ended", "error: you are not signed in", "hint: sign in first"},
			},
		},
	}
}
