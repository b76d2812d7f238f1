// Numbers every distinct spelling (identifiers, constants, strings) of a compilation, so that tokens are small and names
// compare as integers. Open hashing with chains in arrays; the text stays in the source until somebody asks for a string.
namespace Ebpfcc.Frontend.Preprocessing;

/// <summary>A bijection between spellings and small positive integers. Not thread-safe.</summary>
public sealed class NameTable
{
    private struct Entry
    {
        public string Source;
        public int Start;
        public int Length;
        public uint Hash;
        public int Next;
    }

    private Entry[] _entries = new Entry[2048];
    private int[] _buckets = new int[2048];
    private int _count = 1;

    /// <summary>One more than the largest number handed out.</summary>
    public int Count => _count;

    /// <summary>The hash that <see cref="Intern(string, int, int, uint)"/> expects, for callers that compute it while scanning.</summary>
    public const uint HashSeed = 2166136261;

    public static uint HashStep(uint hash, char c) => (hash ^ c) * 16777619;

    public static uint Hash(ReadOnlySpan<char> text)
    {
        uint hash = HashSeed;
        foreach (char c in text)
            hash = HashStep(hash, c);
        return hash;
    }

    public int Intern(string text) => Intern(text, 0, text.Length, Hash(text));

    /// <summary>The number of a spelling that lies in <paramref name="source"/>, which is kept alive by the table.</summary>
    public int Intern(string source, int start, int length, uint hash)
    {
        ReadOnlySpan<char> text = source.AsSpan(start, length);
        int bucket = (int)(hash & (uint)(_buckets.Length - 1));
        for (int i = _buckets[bucket]; i != 0; i = _entries[i].Next)
        {
            ref Entry entry = ref _entries[i];
            if (entry.Hash == hash && entry.Length == length && entry.Source.AsSpan(entry.Start, length).SequenceEqual(text))
                return i;
        }
        if (_count == _entries.Length)
        {
            Grow();
            bucket = (int)(hash & (uint)(_buckets.Length - 1));
        }
        int id = _count++;
        _entries[id] = new Entry { Source = source, Start = start, Length = length, Hash = hash, Next = _buckets[bucket] };
        _buckets[bucket] = id;
        return id;
    }

    /// <summary>The number of a spelling, or 0 when it never occurred.</summary>
    public int Find(ReadOnlySpan<char> text)
    {
        uint hash = Hash(text);
        for (int i = _buckets[hash & (uint)(_buckets.Length - 1)]; i != 0; i = _entries[i].Next)
        {
            ref Entry entry = ref _entries[i];
            if (entry.Hash == hash && entry.Source.AsSpan(entry.Start, entry.Length).SequenceEqual(text))
                return i;
        }
        return 0;
    }

    public ReadOnlySpan<char> GetSpan(int id)
    {
        ref Entry entry = ref _entries[id];
        return entry.Source is null ? default : entry.Source.AsSpan(entry.Start, entry.Length);
    }

    public int GetLength(int id) => _entries[id].Length;

    /// <summary>The spelling as a string, made once.</summary>
    public string GetText(int id)
    {
        ref Entry entry = ref _entries[id];
        if (entry.Source is null)
            return "";
        if (entry.Length != entry.Source.Length)
        {
            entry.Source = entry.Source.Substring(entry.Start, entry.Length);
            entry.Start = 0;
        }
        return entry.Source;
    }

    /// <summary>The spelling of any token but a pragma.</summary>
    public string GetText(in PpToken token)
        => token.Id != 0 ? GetText(token.Id) : token.IsPunctuator ? Punctuators.Spelling(token.Kind) : "";

    /// <summary>The spelling of any token but a pragma, without making a string.</summary>
    public ReadOnlySpan<char> GetSpan(in PpToken token)
        => token.Id != 0 ? GetSpan(token.Id) : token.IsPunctuator ? Punctuators.Spelling(token.Kind) : default;

    /// <summary>How many characters the token's spelling has.</summary>
    public int GetLength(in PpToken token)
        => token.Kind == PpTokenKind.Pragma ? 1 : token.Id != 0 ? GetLength(token.Id) : token.IsPunctuator ? Punctuators.Spelling(token.Kind).Length : 0;

    private void Grow()
    {
        Array.Resize(ref _entries, _entries.Length * 2);
        _buckets = new int[_entries.Length];
        for (int i = 1; i < _count; i++)
        {
            ref Entry entry = ref _entries[i];
            int bucket = (int)(entry.Hash & (uint)(_buckets.Length - 1));
            entry.Next = _buckets[bucket];
            _buckets[bucket] = i;
        }
    }
}
