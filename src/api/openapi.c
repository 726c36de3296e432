// SPDX-License-Identifier: Apache-2.0
/* The document of the interface, docs/openapi.yaml, as it stood when this was built. */
#include <string.h>

#include "api/internal.h"

__asm__(".pushsection .rodata\n"
	".globl concord_openapi\n"
	"concord_openapi:\n"
	".incbin \"" OPENAPI_PATH "\"\n"
	".byte 0\n"
	".popsection\n");

extern const char concord_openapi[];

static struct response get_openapi(struct api *a, struct request *r)
{
	(void)a;
	(void)r;
	char *text = strdup(concord_openapi);

	if (text == NULL)
		return response_problem(500, "no memory");
	return (struct response){ .status = 200, .text = text, .content_type = "text/yaml" };
}

const struct route ROUTES_OPENAPI[] = {
	{ "GET", "/v1/openapi.yaml", API_READ, get_openapi, "the document of this interface" },
	{ 0 },
};
