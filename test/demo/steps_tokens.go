package main

func pipeline() step {
	return step{
		title: "A client application gets a token",
		why:   "The operator generated its secret. field and claims are one-line shell functions; bin/demo/env has them.",
		commands: []command{
			{line: `CLIENT_ID=ci-pipeline
CLIENT_SECRET=$(kubectl get secret ci-pipeline-client-secret -n acme -o jsonpath='{.data.client_secret}' | base64 -d)`},
			{
				line: `ANSWER=$(curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$ISSUER/token"); echo "$ANSWER"`,
				want: []string{`"access_token":"eyJ`, `"token_type":"Bearer"`},
			},
			{
				line: `TOKEN=$(field access_token <<<"$ANSWER"); claims "$TOKEN"`,
				want: []string{`"sub":"application:ci-pipeline"`, `"preferred_username":"application:ci-pipeline"`, `"aud":"kubernetes"`},
			},
			{
				line: `curl -s -u "$CLIENT_ID:not-the-secret" -d grant_type=client_credentials -w '\nHTTP %{http_code}\n' "$ISSUER/token"`,
				want: []string{`"error":"invalid_client"`, "HTTP 401"}, never: []string{"access_token"},
			},
		},
	}
}

func person() step {
	return step{
		title: "A person signs in with user and password",
		why:   "The password grant, which this realm allows. Her groups and roles come from her User and the AccessRules.",
		commands: []command{
			{line: `USERNAME=alice PASSWORD='correct horse battery staple'`},
			{
				line: `ANSWER=$(curl -s -d grant_type=password -d "client_id=$PUBLIC_CLIENT_ID" -d "username=$USERNAME" --data-urlencode "password=$PASSWORD" -d 'scope=openid profile email groups roles' "$ISSUER/token")
ALICE=$(field id_token <<<"$ANSWER"); claims "$ALICE"`,
				want: []string{`"preferred_username":"alice"`, `"groups":["researchers"]`, `"roles":["viewer"]`, `"aud":"kubernetes"`},
			},
			{
				line: `curl -s -d grant_type=password -d "client_id=$PUBLIC_CLIENT_ID" -d "username=$USERNAME" -d password=guess -w '\nHTTP %{http_code}\n' "$ISSUER/token"`,
				want: []string{`"error":"invalid_grant"`, "HTTP 400"}, never: []string{"access_token"},
			},
		},
	}
}

func rotate() step {
	return step{
		title: "Ask for new signing keys",
		why:   "One token is put aside first, signed by the old key. The next key is published now and signs after publishBefore, so that everybody has fetched it by then.",
		commands: []command{
			{line: `OLD=$(curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$ISSUER/token" | field access_token)`},
			{
				line: `kubectl annotate realm acme -n acme identity.watchword.io/rotate-keys="$(date +%s)"`,
				want: []string{"annotated"},
			},
			{
				line: `keys() { kubectl get realm acme -n acme -o jsonpath='{range .status.keys[*]}{.kid} {.phase}, signs from {.signsFrom}{"\n"}{end}'; }
until keys | grep -q Next; do sleep 0.1; done; keys`,
				want: []string{" Active, signs from", " Next, signs from"},
			},
		},
	}
}

func rotated() step {
	return step{
		title: "The keys have rotated: old and new token both verify",
		why:   "kube-apiserver has not seen either of the two before.",
		commands: []command{
			{
				line: `until keys | grep -q Previous; do sleep 0.1; done; keys`,
				want: []string{" Previous, signs from", " Active, signs from"},
			},
			{
				line: `NEW=$(curl -s -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$ISSUER/token" | field access_token)`,
			},
			{
				line: `header "$OLD"; header "$NEW"; test "$(header "$OLD")" != "$(header "$NEW")"`,
				want: []string{`"kid"`},
			},
			{
				line: `for token in "$OLD" "$NEW"; do
  kubectl config set-credentials rotated --token="$token" >/dev/null
  kubectl --user=rotated auth whoami -o jsonpath='{.status.userInfo.username}{"\n"}'
done`,
				want:  []string{"acme:application:ci-pipeline\nacme:application:ci-pipeline"},
				never: []string{"Unauthorized"},
			},
		},
	}
}

func disabled() step {
	return step{
		title: "She is disabled, and gets no more tokens",
		why:   "On every replica within a second. Enabling her again works as fast.",
		commands: []command{
			{
				line: `kubectl patch user.identity.watchword.io alice -n acme --type=merge -p '{"spec": {"disabled": true}}'; sleep 1`,
				want: []string{"patched"},
			},
			{
				line: `sign_in() { curl -s -d grant_type=password -d "client_id=$PUBLIC_CLIENT_ID" -d "username=$USERNAME" --data-urlencode "password=$PASSWORD" -w '\nHTTP %{http_code}\n' "$ISSUER/token"; }
sign_in`,
				want: []string{`"error":"invalid_grant"`, "HTTP 400"}, never: []string{"access_token"},
			},
			{
				line: `kubectl patch user.identity.watchword.io alice -n acme --type=merge -p '{"spec": {"disabled": false}}'; sleep 1; sign_in`,
				want: []string{`"access_token":"eyJ`, "HTTP 200"},
			},
		},
	}
}
