"""What a kernel's text must keep to, so that Blink translates it for every device: a reading of the text alone."""

from __future__ import annotations

import re

TYPES = ("int", "float", "bool", "int2", "float3", "float4")
"""The types that the kernel may name; Blink has more of them."""

DOCUMENTED = ("fabs", "min", "max", "pow", "exp", "log", "defineParam")
"""Functions of Blink's own that it may call, beside the types and what it defines."""

MEMBERS = ("x", "y", "z", "w", "bounds", "width", "height")

# What C, OpenCL C or CUDA would take for their own: as a name it breaks the translation for one of the devices.
_RESERVED = """
half double long short unsigned signed char void struct union enum typedef static const volatile register goto
switch case default while do break continue sizeof auto inline extern class public private protected template
typename this new delete operator namespace using try catch throw virtual friend
global constant local private kernel image event sampler uint uchar ushort ulong size_t ptrdiff_t
mix step smoothstep clamp sign radians degrees select any all dot cross length distance normalize fract mad fma
floor ceil round trunc rint sqrt rsqrt cbrt exp2 exp10 log2 log10 sin cos tan abs fmin fmax hypot mod fmod
isnan isinf isfinite near far texture surface shared device host NAN INFINITY M_PI float2 float8 float16
in out inout thread threadgroup vertex fragment buffer
"""
RESERVED = frozenset(_RESERVED.split())

_WORDS = {
    "kernel", "Lookmatte", "ImageComputationKernel", "ePixelWise", "Image", "eRead", "eWrite", "eAccessPoint",
    "eAccessRandom", "eEdgeClamped", "param", "local", "void", "if", "else", "for", "return", "true", "false",
}  # fmt: skip
_TOKEN = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\w*|\w+|::|->|&&|\|\||\S")
_NUMBER = re.compile(r"\d+|\d+\.\d+(?:e[+-]?\d+)?f")


def bare(text: str) -> str:
    """The text without its comments."""
    return re.sub(r"//[^\n]*", "", text)


def defined(text: str) -> dict[str, str]:
    """The kernel's own functions in order: name -> body."""
    found: dict[str, str] = {}
    for match in re.finditer(rf"\b(?:void|{'|'.join(TYPES)}) (\w+)\([^()]*\) \{{", bare(text)):
        depth, at = 1, match.end()
        while depth:
            depth += {"{": 1, "}": -1}.get(bare(text)[at], 0)
            at += 1
        found[match.group(1)] = bare(text)[match.end() : at]
    return found


def declared(text: str) -> list[str]:
    """Every name that is given to an image, a parameter, a member, an argument or a variable."""
    types = "|".join(TYPES)
    names: list[str] = re.findall(rf"\b(?:{types}) (\w+)(?:\[\d+\])?(?=\s*[;=,)])", bare(text))
    images: list[str] = re.findall(r"Image<[^>]*> (\w+);", bare(text))
    return names + images


def mistakes(text: str) -> list[str]:
    """What would not pass Blink, or not on every device; a line for each."""
    code, own = re.sub(r'"[^"]*"', "", bare(text)), defined(text)
    found = [f"a letter that is not ASCII: {letter!r}" for letter in sorted(set(text)) if ord(letter) > 126]
    if "\t" in text or "\r" in text or "/*" in text:
        found.append("a tab, a carriage return or a comment of another kind")
    tokens = _TOKEN.findall(code)
    numbers = [one for one in tokens if one[0].isdigit() or (one[0] == "." and len(one) > 1)]
    found += [f"no number of single precision: {one}" for one in numbers if not _NUMBER.fullmatch(one)]
    found += [f"not of Blink: {one}" for one in tokens if one in ("::", "->", "#", "&", "|", "~", "\\", "'")]
    found += [f"a pointer: {one}" for one in re.findall(rf"\b(?:{'|'.join(TYPES)}) ?\*", code)]
    names = {one for one in tokens if one[0].isalpha() or one[0] == "_"}
    known = {*_WORDS, *TYPES, *DOCUMENTED, *MEMBERS, *own, *declared(text)}
    found += [f"a word that Blink may not have: {one}" for one in sorted(names - known)]
    found += [f"a name that a device's language has: {one}" for one in sorted({*declared(text), *own} & RESERVED)]
    found += [
        f"a loop whose end is not known: {one}"
        for one in re.findall(r"\bfor \(([^)]*)\)", code)
        if not re.fullmatch(r"int (\w+) = 0; \1 < \d+; \1\+\+", one)
    ]
    # How Nuke writes one into a script that it saves is known of no script at hand.
    found += [f"an array: {one}" for one in re.findall(r"(\w+) ?\[", code)]
    earlier: set[str] = set()
    for name, body in own.items():
        called = [other for other in own if re.search(rf"\b{other}\(", body)]
        found += [f"{name} calls {other}, which is not above it" for other in called if other not in earlier]
        earlier.add(name)
    return found
