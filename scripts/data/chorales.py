"""Plays scores of music21's corpus: with some human feel to MIDI, by fluidsynth to WAV.

usage: chorales.py SET OUTPUT TEMPORARY SOUNDFONT JOBS
SET is piano-chorales, chorales or chorales-test; then come two folders, a file and a count.
"""

import csv
import hashlib
import os
import random
import re
import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import mido
from music21 import corpus, converter

root = os.path.dirname(corpus.__file__)

# Four-part chorales (BWV numbers).  A fifth of the melodies in the corpus is left out
# on purpose, whole families of settings at a time, so that a test set can be made.
CHORALES = """315 366 229.2 353 154.8 144.3 294 410 295 10.7 164.6 278 374 272 403 373 361
158.4 411 168.6 245.14 402 347 392 44.7 244.10 393 245.17 430 354 11.6 296 93.7 96.6 140.7
291 244.62 25.6 436 121.6 2.6 331 85.6 244.46 311 359 159.5 401 330 113.8 30.6 157.5 334 406
39.7 102.7 391 362 292 60.5 84.5 244.44 369 379 340 431 176.6 119.9 275 266 245.37 314 126.6
299 174.5 65.2 317 244.32 40.8 385 153.1 42.7 135.6 322 321 337 365 395 319 187.7 344 78.7
256 360 37.6 133.6 352 116.6 388 40.6 108.6 325 380 169.7 56.5 428 268 262 123.6 324 90.5
316 400 264 248.28 244.40 244.37 38.6 33.6 245.3 408 81.7 245.5 88.7 338 145.5 309 114.7
226.2 227.7 153.5 363 426 48.3 348 298 4.8 57.8 153.9 394 183.5 139.6 382 40.3 279 364 74.8
345 312 425 77.6 351 383 280 302 419 261 245.11 413 244.25 313 72.6 227.11 13.6 154.3 244.54
103.6 45.7""".split()

# Chorales that share less than a seventh of their melody, in stretches of seven different notes, with
# any other in the corpus: for chorales-test, and in no other set.
TEST_CHORALES = """115.6 122.6 190.7 24.6 399 248.42-s 248.53-5 254 263 265 281 282 285 293 297 300 304 341
355 357 367 368 370 372 381 384 386 405 387 396 407 412 424 438 64.2 66.6""".split()
# But for this one, a passage of which stands in another one note for note: it is in no set.
TOO_NEAR = "300"

# Tunes from Ryan's Mammoth Collection (Boston, 1883)
TUNES = dict(
    reel="FarrellOGarasFavoriteReel CameronianReel PigeonOnTheGateReel BellsOfLewistonReel "
    "GreetingToIrelandReel Neumedia GemOfIreland OhGangWithMeToYonTownReel LadyForbesReel "
    "FirstOfMayReel HarrisonsCelebratedReel MyLoveIsInAmericaReel",
    hornpipe="CuckooHornpipe MountainRangerHornpipe MorpethsHornpipe FavoriteHornpipe "
    "ChampionHornpipe ElectricHornpipe AlbemarleHornpipe DuxburyHornpipe OliveBranchHornpipe "
    "EbbTideHornpipe OrientalHornpipe PalmettoHornpipe",
    jig="ComeUnderMyPladdieJig PothougeJig BloomingMeadowsJig JudyMcFaddensJig BagOfMealThe "
    "LandOfSweetErinJig HeadlightJig GrapeVineTwiseJig SundayIsMyWeddingDayJig "
    "BostonCaledonianClubsJig MunsterLassJig GreenSleevesJig",
    strathspey="SirGeorgeClargsStrathspey DuchessOfAtholsStrathspey RoysWifeOfAldivalloch "
    "DuncanDavidsonStrathspey CaledonianHuntStrathspey MrWorthlandsStrathspey "
    "LordByronsFavoriteStrathspey LadyLoudensStrathspey StrathearnStrathspey "
    "LadyMaryRamsaysStrathspey WhatTheDeilAilsYouStrathspey OfAwTheAirtsTheWindsCanBlowStrathspey",
)
TUNE_BPM = dict(reel=172, hornpipe=150, jig=158, strathspey=118)  # quarter notes

# Scores whose encodings are CC0 as well, each on every instrument:
# file, name, kind, quarter notes a minute, parts to play, parts of the melody
CC0_SCORES = [
    ("liliuokalani/aloha_oe.mxl", "aloha-oe", "song", 84, (5, 6), (4, 0)),
    ("johnson_j_r/lift_every_voice.mxl", "lift-every-voice", "hymn", 96, (0, 1, 2, 3), (0,)),
    ("lusitano/allor_che_ignuda.mxl", "allor-che-ignuda", "madrigal", 116, (0, 1, 2), (0,)),
]

# Of each kind, for chorales; and for chorales-test, of those that no other set has.
TUNES_OF_A_KIND, TEST_TUNES = 50, 3

# Four voices are played on these; one voice on the flute.
VOICES = ("piano", "organ", "strings", "guitar")

# label: GM program, note length, velocity spread, timing spread (s), strum (s per voice)
INSTR = dict(
    piano=(0, 0.98, 5, 0.006, 0.004),
    organ=(19, 0.97, 0, 0.004, 0),
    strings=(48, 1.0, 4, 0.008, 0),
    guitar=(24, 1.0, 6, 0.008, 0.014),
    flute=(73, 0.93, 6, 0.005, 0),
)


def slug(s):
    s = unicodedata.normalize("NFKD", s).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", s).strip("-")


def unit(name, salt):
    """A number in [0, 1) that depends on the name alone."""
    return int(hashlib.sha1((salt + name).encode()).hexdigest()[:8], 16) / 2**32


def key_text(score):
    k = score.analyze("key")
    return f"{k.tonic.name.replace('-', ' flat').replace('#', ' sharp')} {k.mode}"


def speed_word(u):
    return "slow" if u < 1 / 3 else "moderate" if u < 2 / 3 else "fast"


def to_midi(parts, bpm, label, name, holds, path):
    """parts: lists of (offset, length, midi pitches) in quarters; holds: {offset: (length, stretch)}"""
    prog, gate, dv, dt, strum = INSTR[label]
    rng = random.Random(name)
    beat = 60.0 / bpm
    marks = sorted(holds.items())

    def sec(q):  # score position -> seconds, with the fermatas held
        t = q * beat
        for off, (ln, st) in marks:
            if off < q:
                t += (min(q, off + ln) - off) * beat * (st - 1)
        return t

    mid = mido.MidiFile(type=1, ticks_per_beat=1000)
    meta = mido.MidiTrack()
    mid.tracks.append(meta)
    meta.append(mido.MetaMessage("set_tempo", tempo=1000000))  # 1 tick = 1 ms
    end = 0
    for ch, notes in enumerate(parts):
        ev = []
        for off, ln, pitches in notes:
            lean = 6 if off % 4 == 0 else 2 if off % 1 == 0 else -3
            vel = int(max(30, min(115, 76 + lean + (6 if ch == 0 else 0) + rng.gauss(0, dv))))
            a = 0.05 + sec(off) + strum * (len(parts) - 1 - ch) + rng.gauss(0, dt)
            b = max(a + 0.05, 0.05 + sec(off) + (sec(off + ln) - sec(off)) * gate)
            for p in pitches:
                ev.append((int(max(0, a) * 1000), 1, p, vel))
                ev.append((int(b * 1000), 0, p, 0))
        ev.sort()
        tr = mido.MidiTrack()
        mid.tracks.append(tr)
        c = ch if ch < 9 else ch + 1
        tr.append(mido.Message("program_change", channel=c, program=prog))
        now = 0
        for t, on, p, v in ev:
            tr.append(
                mido.Message(
                    "note_on" if on else "note_off", channel=c, note=p, velocity=v, time=t - now
                )
            )
            now = t
        end = max(end, now)
    meta.append(mido.MetaMessage("end_of_track", time=end + 2200))  # room for the last reverb
    mid.save(path)


def midi_path(tmp, label, name):
    return os.path.join(tmp, f"{label}~{name}.mid")


def notes_of(part):
    return [
        (float(n.offset), float(n.quarterLength), [p.midi for p in n.pitches])
        for n in part.stripTies().flatten().notes
        if n.quarterLength > 0 and "ChordSymbol" not in n.classes
    ]


def chorale(tmp, label, bwv):
    name = "bwv" + bwv
    s = converter.parse(os.path.join(root, "bach", name + ".mxl"))
    parts = [notes_of(p) for p in s.parts]
    last = max(o + l for p in parts for o, l, _ in p)
    if len(parts) != 4 or not 28 <= last <= 130:
        return None  # not all in the folder are chorales
    holds = {
        float(n.offset): (float(n.quarterLength), 1.45)
        for n in s.parts[0].stripTies().flatten().notes
        if any("Fermata" in x.classes for x in n.expressions)
    }
    o, l, _ = parts[0][-1]
    holds[o] = (max(l, last - o), 1.7)
    u = unit(name, "tempo")
    bpm = 54 + 54 * u
    to_midi(parts, bpm, label, name, holds, midi_path(tmp, label, name))
    return name, label, lambda: f"{label}, chorale in {key_text(s)}, {speed_word(u)}"


def tune(tmp, kind, base):
    path = os.path.join(root, "ryansMammoth", base + ".abc")
    s = converter.parse(path)
    part = s.parts[0]
    try:
        part = part.expandRepeats()
    except Exception:
        pass
    notes = notes_of(part)
    title = slug(re.sub(r"(?<=[a-z])(?=[A-Z])", "-", base))
    u = unit(base, "tempo")
    bpm = TUNE_BPM[kind] * (0.78 + 0.4 * u)
    o, l, _ = notes[-1]
    to_midi([notes], bpm, "flute", base, {o: (l, 1.5)}, midi_path(tmp, "flute", title))
    return title, "flute", lambda: f"flute, {kind} in {key_text(s)}, {speed_word(u)}"


def free_score(tmp, label, path, name, kind, bpm, parts, melody):
    name += "-" + label
    s = converter.parse(os.path.join(root, path))
    notes = [notes_of(s.parts[i]) for i in (melody if label == "flute" else parts)]
    if label == "flute":
        line = sorted(sum(notes, []))
        notes = [[(o - line[0][0], l, p) for o, l, p in line]]  # the tune enters at once
    u = unit(name, "tempo")
    bpm *= 0.78 + 0.4 * u
    o, l, _ = notes[0][-1]
    to_midi(notes, bpm, label, name, {o: (l, 1.4)}, midi_path(tmp, label, name))
    return name, label, lambda: f"{label}, {kind} in {key_text(s)}, {speed_word(u)}"


def render(name, label, out, tmp, sf2):
    final = os.path.join(out, label, name + ".wav")
    if os.path.exists(final):
        return
    mid = midi_path(tmp, label, name)
    raw, part = mid[:-4] + ".raw.wav", mid[:-4] + ".part.wav"
    synth = "fluidsynth -n -i -q -C 0 -R 1 -g 0.5 -r 44100 -T wav -O float".split()
    synth += ["-o", "synth.dynamic-sample-loading=1", "-F", raw, sf2, mid]
    quiet = subprocess.DEVNULL
    subprocess.run(synth, check=True, stdout=quiet, stderr=quiet)
    # From the end backwards, so that the silence there is trimmed and what is left fades out.
    effects = "remix - rate -v 22050 gain -n -3 reverse silence 1 0.05 0.1% fade t 0.3 reverse"
    subprocess.run(["sox", "-R", "-V1", raw, "-b", "16", part, *effects.split()], check=True)
    os.replace(part, final)  # only whole files appear
    os.remove(raw)
    os.remove(mid)


def main(work, out, tmp, sf2, jobs, captions):
    """work: functions with arguments, each returning (name, label, caption) or None."""
    rows, waiting, bad = [], [], 0
    for n in INSTR:
        os.makedirs(os.path.join(out, n), exist_ok=True)
    os.makedirs(tmp, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        for n, (fn, *args) in enumerate(work):
            try:
                made = fn(tmp, *args)
                if made is None:
                    continue
                name, label, text = made
                rows.append((f"{label}/{name}.wav", text()))
            except Exception as e:  # a score this version lacks
                bad += 1
                print(f"  skipped {args}: {type(e).__name__}: {e}", file=sys.stderr)
                continue
            waiting.append(pool.submit(render, name, label, out, tmp, sf2))
            if n % 40 == 39:
                print(f"  {n + 1}/{len(work)} scores read", file=sys.stderr)
        for j in waiting:
            j.result()
    if bad > 0.1 * len(work):
        sys.exit(f"too many scores failed ({bad} of {len(work)})")
    if not captions:
        return
    with open(os.path.join(out, "metadata.csv"), "w", newline="", encoding="utf-8") as f:
        w = csv.writer(f, lineterminator="\n")
        w.writerow(["file_name", "text"])
        w.writerows(sorted(rows))


def piano_chorales():
    """Each score once."""
    return (
        [(chorale, VOICES[i % 4], b) for i, b in enumerate(CHORALES)]
        + [(tune, k, b) for k, v in TUNES.items() for b in v.split()]
        + [(free_score, label, *w) for w in CC0_SCORES for label in INSTR]
    )


def other_tunes(kind):
    """Those of the collection that piano-chorales does without, in an order of their own."""
    ending = kind.capitalize() + ".abc"
    names = (f[:-4] for f in os.listdir(os.path.join(root, "ryansMammoth")) if f.endswith(ending))
    return sorted(set(names) - set(TUNES[kind].split()), key=lambda name: unit(name, "order"))


def chorales():
    """All chorales but those of the test, each on two instruments, and more tunes."""
    scores = sorted(
        f[3:-4] for f in os.listdir(os.path.join(root, "bach")) if re.fullmatch(r"bwv.*\.mxl", f)
    )
    work = []
    for i, bwv in enumerate(b for b in scores if b not in TEST_CHORALES):
        for label in (VOICES[i % 4], VOICES[(i + 1 + i // 4 % 3) % 4]):
            work.append((chorale, label, bwv))
    for kind, names in TUNES.items():
        more = other_tunes(kind)[TEST_TUNES:]
        work += [(tune, kind, b) for b in (names.split() + more)[:TUNES_OF_A_KIND]]
    return work + [(free_score, label, *w) for w in CC0_SCORES for label in INSTR]


def chorales_test():
    return [
        (chorale, VOICES[i % 4], b) for i, b in enumerate(TEST_CHORALES) if b != TOO_NEAR
    ] + [(tune, kind, b) for kind in TUNES for b in other_tunes(kind)[:TEST_TUNES]]


if __name__ == "__main__":
    sets = {"piano-chorales": piano_chorales, "chorales": chorales, "chorales-test": chorales_test}
    main(
        sets[sys.argv[1]](),
        *sys.argv[2:5],
        int(sys.argv[5]),
        captions=sys.argv[1] == "piano-chorales",
    )
