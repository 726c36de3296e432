// SPDX-License-Identifier: Apache-2.0
/* place.h -- places for tests, of which only the codes are known. */
#ifndef TESTS_UNIT_GEO_PLACE_H
#define TESTS_UNIT_GEO_PLACE_H

#include "geo/location.h"

#define PLACE(continent_, country_, subdivision_)                                                  \
	{                                                                                          \
		.continent = continent_, .country = country_, .subdivision = subdivision_,         \
		.latitude = PLACE_NOWHERE, .longitude = PLACE_NOWHERE                              \
	}

#endif
