// SPDX-License-Identifier: Apache-2.0
#include "control/config_store.h"

#include <string.h>

#include "base/arena.h"
#include "control/yaml.h"

#define EXPECTED "a token, such as pkcs11:token=zones?pin-source=file:/etc/concord/pin"

static enum err finding(struct schema *s, const struct yaml_node *at, const char *hint,
			const char *what)
{
	yaml_finding(s->yaml, at, s->diag, DIAG_ERROR, hint, "%s", what);
	return ERR_INVALID;
}

/* Whether the URI has the attribute, in its path or its query. */
static bool has(const char *uri, const char *attribute)
{
	const char *p = uri;

	while ((p = strstr(p, attribute)) != NULL) {
		if (p > uri && strchr(":;?&", p[-1]) != NULL)
			return true;
		p++;
	}
	return false;
}

enum err config_read_store(struct schema *s, const struct yaml_node *value, const char **out)
{
	const char *text = schema_text(s, value, EXPECTED);

	if (text == NULL)
		return ERR_INVALID;
	if (strncmp(text, "pkcs11:", 7) != 0)
		return schema_expected(s, value, EXPECTED);
	if (has(text, "pin-value="))
		return finding(s, value, "use pin-source=file:/path, with mode 600",
			       "a PIN in the configuration can be read by others");
	if (has(text, "object=") || has(text, "id=") || has(text, "type="))
		return finding(s, value, "keys that are there are named in the zone's `keys`",
			       "this names the token in which keys are made, not a key");
	*out = arena_strdup(s->arena, text);
	return *out != NULL ? ERR_OK : ERR_NOMEM;
}
