"""Writes metadata.csv, with title and composer of each piece, beside the music of Wesnoth.

usage: orchestral.py FOLDER
"""

import csv
import os
import sys

folder = sys.argv[1]
COMPOSERS = {
    "Aleksi Aubry-Carlson": "battle elf-land frantic-old main_menu transience underground",
    "Doug Kaufman": "battle-epic elvish-theme heroes_rite siege_of_laurelmor the_city_falls weight_of_revenge",
    "Mattias Westlund": "breaking_the_chains journeys_end legends_of_the_north northern_mountains return_to_wesnoth "
    "silvan_sanctuary the_king_is_dead traveling_minstrels",
    "Tyler Johnson": "casualties_of_war into_the_shadows sad",
    "Timothy Pinkham": "defeat knolls victory wanderer",
    "Ryan Reilly": "defeat2 knalgan_theme love_theme suspense victory2",
    "Stephen Rozanc": "frantic northerners",
    "Joseph G. Toscano": "loyalists revelation",
    "Jeremy Nicoll": "nunc_dimittis vengeful",
    "Gianmarco Leone": "the_dangerous_symphony the_deep_path",
    "Iris Morelle": "silence",
}
composer_of = {piece: who for who, pieces in COMPOSERS.items() for piece in pieces.split()}

with open(folder + "/metadata.csv", "w", newline="", encoding="utf-8") as f:
    rows = csv.writer(f, lineterminator="\n")
    rows.writerow(["file_name", "text"])
    for name in sorted(os.listdir(folder)):
        piece, extension = os.path.splitext(name)
        if extension != ".ogg":
            continue
        text = "orchestral game music, " + piece.replace("_", " ").replace("-", " ")
        if piece in composer_of:
            text += ", composed by " + composer_of[piece]
        rows.writerow([name, "silence" if piece == "silence" else text])
