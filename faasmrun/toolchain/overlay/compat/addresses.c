/* Addresses of the internet as text and numbers; no socket comes of them. */
#include <arpa/inet.h>
#include <stdio.h>

#define WEAK __attribute__((weak))

WEAK in_addr_t inet_addr(const char *text)
{
	struct in_addr a;
	return inet_aton(text, &a) ? a.s_addr : INADDR_NONE;
}

/* Up to four parts, each a byte, the last one lowest: 10.1 is 0xa01. In the host's order. */
WEAK in_addr_t inet_network(const char *text)
{
	in_addr_t result = 0;
	for (int parts = 0; parts < 4; parts++) {
		unsigned value;
		int length = 0;
		if (sscanf(text, "%i%n", (int *)&value, &length) != 1 || value > 0xff) {
			return INADDR_NONE;
		}
		result = result << 8 | value;
		text += length;
		if (*text != '.') {
			return *text ? INADDR_NONE : result;
		}
		text++;
	}
	return INADDR_NONE;
}

WEAK char *inet_ntoa(struct in_addr a)
{
	static _Thread_local char text[16];
	const unsigned char *b = (const unsigned char *)&a;
	snprintf(text, sizeof text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
	return text;
}

/* ---- Networks by classes: A has 8 bits of network, B 16, C 24. ---- */

static int host_bits(in_addr_t a) { return !(a >> 31) ? 24 : a >> 30 == 2 ? 16 : 8; }

WEAK struct in_addr inet_makeaddr(in_addr_t network, in_addr_t host)
{
	int bits = network < 0x80 ? 24 : network < 0x10000 ? 16 : network < 0x1000000 ? 8 : 0;
	return (struct in_addr){ htonl(bits ? network << bits | (host & ((1u << bits) - 1)) : network | host) };
}

WEAK in_addr_t inet_lnaof(struct in_addr a)
{
	in_addr_t number = ntohl(a.s_addr);
	return number & ((1u << host_bits(number)) - 1);
}

WEAK in_addr_t inet_netof(struct in_addr a)
{
	in_addr_t number = ntohl(a.s_addr);
	return number >> host_bits(number);
}
