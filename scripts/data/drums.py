"""Sorts drum samples into a folder per class and sequences loops from them.

usage: drums.py OUTPUT PACKAGES     two folders, the second of unpacked Debian packages
"""

import csv
import glob
import os
import random
import re
import shutil
import sys

import numpy as np
import soundfile as sf

out, x = sys.argv[1], sys.argv[2]
# fmt: off
PATTERNS = [  # first match wins; on lower-case names
 ('percussion', r'cow ?bell|conga|bongo|djembe|clav|shaker|maraca|tambourine|(?<!stick_)wood|agogo|cajon|tabla'
                r'|triangle|water ?glass|whistle|dunu|kenkeni|sangban|perc|drum_roll|misc_cb|mc_cb'),
 ('hihat',  r'hi.?hat|hat(?!ch)|(?:\b|_)[co]?hh|hh(?:closed|open|pedal)|cymbal_(?:closed|open|pedal)|(?:^|_)ho_'),
 ('clap',   r'clap|snap'),
 ('snare',  r'snare|(?:\b|_)sn(?:\b|_)|rim.?shot'),
 ('rim',    r'stick|rim'),
 ('kick',   r'kick|bass ?drum|(?:\b|_)bd(?:\b|_)|drum_bass'),
 ('cymbal', r'crash|ride|cymbal|splash|china|bell|cra_'),
 ('tom',    r'tom|floor'),
]
# fmt: on


def classify(*names):
    for n in names:
        for c, pat in PATTERNS:
            if re.search(pat, n.lower()):
                return c
    return None


def slug(s):
    return re.sub(r"[^a-z0-9.]+", "-", s.lower().replace("#", "sharp")).strip("-.")


DYN = [
    ("softest", "very soft"),
    ("hardest", "very hard"),
    ("soft", "soft"),
    ("hard", "hard"),
    ("med", "medium"),
]


def dynamics(n):
    for k, v in DYN:
        if re.search(r"[-_ ]" + k + r"$", n.lower()):
            return v


rows, seen, kits, left = [], {}, {}, 0
WORD = dict(
    kick="kick drum",
    snare="snare drum",
    hihat="hi-hat",
    cymbal="cymbal",
    tom="tom",
    clap="clap",
    rim="rim or stick click",
    percussion="percussion",
    loop="drum loop",
)
shape, held, same = np.zeros((2000, 3200), "float32"), [], 0


def copy_of(y):
    """The file already taken that holds this very sound, at whatever volume, if any:
    some kits share samples, and some velocity layers are one recording turned down."""
    m = y.mean(1)
    i = np.abs(m).argmax()
    a = m[max(0, i - 200) : i + 3000]
    a = np.pad(a, (0, 3200 - len(a))) - a.mean()
    a /= np.linalg.norm(a) or 1
    c = np.abs(shape[: len(held)] @ a.astype("float32"))
    if len(held) and c.max() > 0.99:
        return held[c.argmax()]
    shape[len(held)] = a
    held.append(None)


def add(src, label, kit, nice, name=None, text=None):
    """Copy WAV and FLAC as they are, decode the rest to FLAC at the same rate."""
    global same
    base, ext = os.path.splitext(name or os.path.basename(src))
    ext = ext.lower()
    try:
        y, sr = sf.read(src, always_2d=True)
    except sf.LibsndfileError as e:
        print(
            f"  unreadable, left out: {os.path.basename(src)} ({e.error_string})", file=sys.stderr
        )
        return
    if len(y) < 64 or np.abs(y).max() < 1e-3:
        return  # empty place-holders
    if label != "loop":
        twin = copy_of(y)
        if twin:
            same += 1
            pool(nice, label, twin)
            return
    dst = f"{label}/{slug(kit)}__{slug(base)}"
    while dst in seen:
        dst += "-b"
    seen[dst] = 1
    os.makedirs(f"{out}/{label}", exist_ok=True)
    info = sf.info(src)
    if (ext, info.format) in ((".wav", "WAV"), (".wav", "WAVEX"), (".flac", "FLAC")):
        dst += ext
        shutil.copyfile(src, f"{out}/{dst}")
    else:
        dst += ".flac"
        sf.write(f"{out}/{dst}", y, sr, subtype="PCM_24" if "24" in info.subtype else "PCM_16")
    os.chmod(f"{out}/{dst}", 0o644)
    if text is None:
        d = dynamics(base)
        what = re.sub(r"[-_ ]?(softest|soft|med|hardest|hard)$|\d+$", "", base, flags=re.I)
        what = re.sub(
            r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"^(perc|808|EE|misc|drum|elec)_", "", what)
        )
        what = re.sub(r"[^a-z]+", " ", what.lower()).strip()
        what = (
            what.replace("waterglass", "water glass")
            .replace("agogo", "agogo bell")
            .replace("mc cb", "cowbell")
        )
        text = ", ".join(
            filter(None, [WORD[label], what if label == "percussion" else None, d, nice])
        )
    rows.append((dst, text))
    if label != "loop":
        held[-1] = f"{out}/{dst}"
        pool(nice, label, held[-1])


def pool(nice, label, path):
    """What the loops of a kit are made from."""
    if sf.info(path).duration > 4:
        return
    kits.setdefault(nice, {}).setdefault(label, []).append(path)
    if label == "hihat" and re.search(r"hat.?op|open|ho-|ohh", path.rsplit("__")[-1]):
        kits[nice].setdefault("openhat", []).append(path)


def hydrogen(folder, nice):
    """A Hydrogen kit: the instrument names in drumkit.xml say what each file is."""
    global left
    xml = open(folder + "/drumkit.xml", errors="replace").read()
    names = {}
    for ins in re.findall(r"<instrument>(.*?)</instrument>", xml, re.S):
        n = re.search(r"<name>(.*?)</name>", ins)
        for f in re.findall(r"<filename>(.*?)</filename>", ins):
            names.setdefault(f, n.group(1) if n else "")
    for f in sorted(os.listdir(folder)):
        if not f.lower().endswith((".wav", ".flac", ".aiff")):
            continue
        inst = names.get(f, "")
        inst = "" if inst.startswith("Sample:") else re.sub(r"^[a-g]#?\d - ?", "", inst)
        generic = re.match(
            r"[a-z0-9]{2,4}_\d|beats_|\d+__", f.lower()
        )  # BD_01, beats_06-38, 124382__x
        label = (
            classify(inst, f) if generic and inst else classify(f, inst) if not generic else None
        )
        if not label:
            left += 1
            continue
        nm = (slug(inst) + "-" if generic else "") + f
        add(f"{folder}/{f}", label, os.path.basename(folder), nice, nm)


K = {
    "GMRockKit": "GM rock kit",
    "TR808EmulationKit": "TR-808 drum machine",
    "Audiophob": "Audiophob dubstep kit",
    "BJA_Pacific": "Pacific studio kit",
    "ColomboAcousticDrumkit": "Colombo acoustic kit",
    "ElectricEmpireKit": "Electric Empire kit",
    "ForzeeStereo": "Forzee stereo acoustic kit",
    "Gimme A Hand 1.0": "hand percussion",
    "HardElectro1": "hard electro kit",
    "Millo-Drums_v.1": "Millo acoustic kit",
    "Millo_MultiLayered2": "Millo jazz kit",
    "Millo_MultiLayered3": "Millo rock kit",
    "The Black Pearl 1.0": "Black Pearl acoustic kit",
    "VariBreaks": "VariBreaks electronic kit",
    "circAfrique v4": "West African drums",
    "rumpf_kit_z01_h2": "Rumpf electronic kit",
}
for pkg in ("hydrogen-data", "hydrogen-drumkits"):
    for d in sorted(glob.glob(f"{x}/{pkg}/usr/share/hydrogen/data/drumkits/*/")):
        d = d.rstrip("/")
        hydrogen(d, K.get(os.path.basename(d), os.path.basename(d)))

L = f"{x}/lmms-common/usr/share/lmms/samples"
for f in sorted(glob.glob(L + "/drums/*.ogg")):
    b = os.path.basename(f)
    label = (
        "kick"
        if b.startswith(("bassdrum", "kick"))
        else "snare" if b.startswith("snare") else classify(b)
    )
    if label:
        add(f, label, "lmms", "LMMS samples")
    else:
        left += 1
for f in sorted(glob.glob(L + "/beats/*.ogg")):
    add(
        f,
        "loop",
        "lmms",
        "",
        text="drum loop, "
        + re.sub(r"[\d_]+", " ", os.path.basename(f)[:-4]).strip()
        + ", LMMS samples",
    )

S = f"{x}/sonic-pi-samples/usr/share/sonic-pi/samples"
SKIP = re.compile(r"loop_(amen|drone|3d)")  # a famous record, a drone, a printer
for f in sorted(glob.glob(S + "/*.flac")):
    b = os.path.basename(f)
    if SKIP.match(b):
        continue
    if b.startswith("loop_"):
        add(f, "loop", "sonic-pi", "", text=f"drum loop, {b[5:-5]}, Sonic Pi samples")
    elif re.match(r"(bd|drum|sn|tabla|perc)_", b) or re.match(
        r"elec_.*(snare|kick|tom|cymbal|triangle|wood)", b
    ):
        add(
            f,
            (
                "kick"
                if b.startswith("bd_")
                else "snare" if b.startswith("sn_") else classify(b) or "percussion"
            ),
            "sonic-pi",
            "Sonic Pi samples",
        )

kits["Sonic Pi samples"].pop("percussion", None)  # doors and impacts among them

# Loops: beats a minute, swing, and sixteen steps a bar; a capital is an accent, a small letter soft.
# fmt: off
STYLES = {
 'rock':      ((96, 140), 0, dict(k='K.....K.K.......', s='....S.......S...', h='H.h.H.h.H.h.H.h.')),
 'pop':       ((96, 124), 0, dict(k='K.....k.K.k.....', s='....S.......S...', h='HhhhHhhhHhhhHhhh')),
 'disco':     ((112, 126), 0, dict(k='K...K...K...K...', s='....S.......S...', o='..O...O...O...O.', h='H...h...H...h...')),
 'house':     ((120, 128), 0, dict(k='K...K...K...K...', c='....C.......C...', o='..O...O...O...O.', h='.h.h.h.h.h.h.h.h')),
 'techno':    ((126, 140), 0, dict(k='K...K...K...K...', o='..O...O...O...O.', p='...p..p....p..p.', h='hhHhhhHhhhHhhhHh')),
 'hip hop':   ((80, 98), .18, dict(k='K..k......K..k..', s='....S.......S...', h='H.hhH.h.H.hhH.h.')),
 'trap':      ((132, 150), 0, dict(k='K......k..K.....', c='........C.......', h='HhHhHhhhHhHhHhhh', o='..............O.')),
 'breakbeat': ((116, 138), .1, dict(k='K.K.......KK....', s='....S..s.s..S..s', h='H.h.H.h.H.h.H.h.')),
 'drum and bass': ((164, 176), 0, dict(k='K.........K.....', s='....S..s.s..S...', h='H.h.h.h.H.h.h.h.')),
 'funk':      ((92, 112), .08, dict(k='K.k...k..k..k...', s='....S..s.s..S..s', h='HhhhHhhhHhhhHh.h', o='..............O.')),
 'shuffle':   ((84, 124), .33, dict(k='K.....K.K.....k.', s='....S.......S...', r='R..rR..rR..rR..r')),
 'bossa':     ((108, 136), 0, dict(k='K..kK..kK..kK..k', t='T..T..T...T..T..', h='hhhhhhhhhhhhhhhh')),
}
# fmt: on
LANE = dict(
    k="kick", s="snare", h="hihat", o="openhat", c="clap", r="cymbal", t="rim", p="percussion"
)
STANDIN = dict(o="hihat", c="snare", r="hihat", t="snare")  # for kits that lack a part
ORDER = [
    "GM rock kit",
    "TR-808 drum machine",
    "Black Pearl acoustic kit",
    "Electric Empire kit",
    "Forzee stereo acoustic kit",
    "Millo rock kit",
    "VariBreaks electronic kit",
    "Millo jazz kit",
    "hard electro kit",
    "Sonic Pi samples",
]
cache = {}


def load(f):
    if f not in cache:
        cache[f] = sf.read(f, always_2d=True)
    return cache[f]


def loop(style, kit, rng, bars=2):
    (lo, hi), swing, lanes = STYLES[style]
    bpm = rng.randint(lo, hi)
    step = 60 / bpm / 4
    sr = load(next(iter(kits[kit].values()))[0])[1]
    n = int(round(bars * 16 * step * sr))
    y = np.zeros((n + 4 * sr, 2))
    hat = np.zeros_like(y)
    hits = []
    for lane, pat in lanes.items():
        pool = kits[kit].get(LANE[lane]) or kits[kit].get(STANDIN.get(lane), [])
        pool = [
            f
            for f in pool
            if not re.search(r"splash|china|roll|foot|pedal|ring|swish|choke", f)
            and not (lane == "h" and re.search(r"open|semi|free|ho-|ohh|-op", f))
            and load(f)[1] == sr
        ]
        if not pool:
            continue
        w = load(rng.choice(pool))[0]
        for bar in range(bars):
            for i, c in enumerate(pat):
                g = dict(h=0.55, o=0.5, r=0.5).get(lane, 0.9)
                if c == ".":
                    if rng.random() > (0.03 if lane in "ksh" else 0):
                        continue
                    g *= 0.3
                elif c.islower():
                    g *= 0.5
                if bar == bars - 1 and i >= 12 and lane == "s" and rng.random() < 0.35:
                    g = 0.6  # a fill
                at = int(
                    ((bar * 16 + i) + (swing if i % 2 else 0)) * step * sr
                    + max(0, rng.gauss(0, 0.002)) * sr
                )
                hits.append((at, lane, g * rng.uniform(0.85, 1.0), w))
    for at, lane, g, w in sorted(hits, key=lambda h: h[:2]):
        m = min(len(w), len(y) - at)
        a = w[:m] * g  # mono spreads to both
        if lane in "ho":  # a hat stops the hat before it
            f = min(at, int(0.004 * sr))
            hat[at - f : at] *= np.linspace(1, 0, f)[:, None]
            hat[at:] = 0
            hat[at : at + m] = a
        else:
            y[at : at + m] += a
    y += hat
    tail = y[n:]
    y = y[:n]
    k = min(len(tail), n)
    y[:k] += tail[:k]  # tails wrap: a seamless loop
    y *= 0.8 / max(1e-9, np.abs(y).max())
    return y, sr, bpm


rng = random.Random(1883)
os.makedirs(f"{out}/loop", exist_ok=True)
for kit in ORDER:
    for style in STYLES:
        for take in (1, 2):
            if kit not in kits:
                continue
            y, sr, bpm = loop(style, kit, rng, bars=rng.choice((2, 2, 4)))
            dst = f"loop/seq__{slug(style)}-{slug(kit)}-{bpm}bpm-{take}.flac"
            if np.abs(y[:, 0] - y[:, 1]).max() < 1e-6:
                y = y[:, :1]
            sf.write(f"{out}/{dst}", y, sr, subtype="PCM_16")
            rows.append((dst, f"drum loop, {style}, {bpm} bpm, {kit}"))
with open(f"{out}/metadata.csv", "w", newline="", encoding="utf-8") as f:
    w = csv.writer(f, lineterminator="\n")
    w.writerow(["file_name", "text"])
    w.writerows(sorted(rows))
print(
    f"  {len(rows)} files; left out: {left} samples without a clear class, {same} copies",
    file=sys.stderr,
)
