// Error numbers of Linux, which programs see whatever the host's are.
namespace Ebpfcc.Runtime.Maps;

public static class Errno
{
    public const int EPERM = 1, ENOENT = 2, E2BIG = 7, EBADF = 9, EAGAIN = 11, ENOMEM = 12, EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17, ENODEV = 19,
        EINVAL = 22, EMFILE = 24, ENOSPC = 28, ERANGE = 34, ENAMETOOLONG = 36, EOVERFLOW = 75, EOPNOTSUPP = 95, EPROTONOSUPPORT = 93, ENOTSUPP = 524;

    /// <summary>The symbol of a positive number, or the number itself.</summary>
    public static string Name(int number) => number switch
    {
        EPERM => nameof(EPERM), ENOENT => nameof(ENOENT), E2BIG => nameof(E2BIG), EBADF => nameof(EBADF), EMFILE => nameof(EMFILE), EOVERFLOW => nameof(EOVERFLOW), EAGAIN => nameof(EAGAIN), ENOMEM => nameof(ENOMEM),
        EACCES => nameof(EACCES), EFAULT => nameof(EFAULT), EBUSY => nameof(EBUSY), EEXIST => nameof(EEXIST), ENODEV => nameof(ENODEV),
        EINVAL => nameof(EINVAL), ENOSPC => nameof(ENOSPC), ERANGE => nameof(ERANGE), ENAMETOOLONG => nameof(ENAMETOOLONG),
        EOPNOTSUPP => nameof(EOPNOTSUPP), EPROTONOSUPPORT => nameof(EPROTONOSUPPORT), ENOTSUPP => nameof(ENOTSUPP),
        _ => number.ToString(),
    };
}
