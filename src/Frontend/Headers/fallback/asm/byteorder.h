#include <linux/types.h>
#ifdef __LITTLE_ENDIAN__
#define __LITTLE_ENDIAN 1234
#define __LITTLE_ENDIAN_BITFIELD
#define __be16_to_cpu(x) __builtin_bswap16((__u16)(x))
#define __be32_to_cpu(x) __builtin_bswap32((__u32)(x))
#define __be64_to_cpu(x) __builtin_bswap64((__u64)(x))
#define __le16_to_cpu(x) ((__u16)(x))
#define __le32_to_cpu(x) ((__u32)(x))
#define __le64_to_cpu(x) ((__u64)(x))
#else
#define __BIG_ENDIAN 4321
#define __BIG_ENDIAN_BITFIELD
#define __be16_to_cpu(x) ((__u16)(x))
#define __be32_to_cpu(x) ((__u32)(x))
#define __be64_to_cpu(x) ((__u64)(x))
#define __le16_to_cpu(x) __builtin_bswap16((__u16)(x))
#define __le32_to_cpu(x) __builtin_bswap32((__u32)(x))
#define __le64_to_cpu(x) __builtin_bswap64((__u64)(x))
#endif
#define __cpu_to_be16(x) __be16_to_cpu(x)
#define __cpu_to_be32(x) __be32_to_cpu(x)
#define __cpu_to_be64(x) __be64_to_cpu(x)
#define __cpu_to_le16(x) __le16_to_cpu(x)
#define __cpu_to_le32(x) __le32_to_cpu(x)
#define __cpu_to_le64(x) __le64_to_cpu(x)
#define __constant_htons(x) __be16_to_cpu(x)
#define __constant_htonl(x) __be32_to_cpu(x)
#define __constant_ntohs(x) __be16_to_cpu(x)
#define __constant_ntohl(x) __be32_to_cpu(x)
