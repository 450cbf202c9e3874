#ifndef _FAASMRUN_TR1_HASH_H
#define _FAASMRUN_TR1_HASH_H
/* A program specialises std::tr1::hash in its own namespace; for all other types it is std::hash. */
#include <functional>
namespace std {
namespace tr1 {
template <class _Tp>
struct hash : std::hash<_Tp> {};
}
}
#endif
