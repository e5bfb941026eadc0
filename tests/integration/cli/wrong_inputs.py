"""
Wrong inputs, by the exit code that each ends with.

One line is one command line, as in a shell. LONG is ten thousand letters, CUT a byte that is not UTF-8.
"""

USAGE = """
create T --opens yesterday
create T --opens ''
create T --opens ' '
create T --opens 2020-01-01
create T --opens '2036-02-30 09:00'
create T --opens 2036-13-01
create T --opens 08/05/2036
create T --opens 8.5.2036
create T --opens +0s
create T --opens -10y
create T --opens --10y
create T --opens +10000y
create T --opens +99999999y
create T --opens 'in 0 years'
create T --opens 'in -3 years'
create T --opens 'in ten years'
create T --opens '9999-12-31 23:59'
create T --opens '0000-01-01'
create T --opens '10년 전'
create T --opens '2036-05-08T09:00+99:00'
create T --opens now
create T --opens tomorrow
create T --opens '2036-05-08 25:00'
create T --opens '2036-05-08 09:60'
create T --opens 2036
create T --opens 😀
create T --opens LONG
create T --opens CUT
create T
create T --opens
create --opens +10y
create T --opens 'in 10 years' --zone Mars/Base
create T --opens 'in 10 years' --zone ''
create T --opens 'in 10 years' --zone ' '
create T --opens 'in 10 years' --zone ../../etc/passwd
create T --opens 'in 10 years' --zone /etc/localtime
create T --opens 'in 10 years' --zone seoul
create T --opens 'in 10 years' --zone asia/seoul
create T --opens 'in 10 years' --zone KST
create T --opens 'in 10 years' --zone +09:00
create T --opens 'in 10 years' --zone LONG
create T --opens 'in 10 years' --zone CUT
create '' --opens +10y
create '   ' --opens +10y
create CUT --opens +10y
create LONG --opens +10y
create -x --opens +10y
create -- --opens +10y
create T T2 --opens +10y
create T --opens +10y --theme gold
create T --opens +10y --theme ''
create T --opens +10y --theme Museum
create T --opens +10y --film-photos -5
create T --opens +10y --film-photos 0
create T --opens +10y --film-photos 1e9
create T --opens +10y --film-photos 1.5
create T --opens +10y --film-photos ''
create T --opens +10y --film-photos ' '
create T --opens +10y --film-photos 999999999999
create T --opens +10y --film-photos LONG
create T --opens +10y --cover ''
create T --opens +10y --soundtrack ''
create T --opens +10y --soundtrack x.mp3 --music museum
create T --opens +10y --music jazz
create T --opens +10y --music ''
create T --opens +10y --message LONG
create T --opens +10y --message CUT
invite summer nobody
invite summer ''
invite summer ' '
invite summer 'a b@c.de'
invite summer a@b.c,d@e.f
invite summer 'Kim <kim@example.org>'
invite summer LONG@example.org
invite summer @example.org
invite summer a@
invite summer a@@example.org
invite summer a@.example.org
invite summer a@exam_ple..org
invite summer 😀@example.org
invite summer -x@example.org
invite summer CUT@example.org
invite summer good@example.org bad
invite summer
invite summer b@example.org --role king
invite summer b@example.org --role owner
invite summer b@example.org --role ''
invite summer b@example.org --locale de
invite summer b@example.org --locale ''
invite summer b@example.org --name ''
invite summer b@example.org --name CUT
invite summer b@example.org --resend --revoke
invite summer bad --revoke
show
show ''
show summer extra
shwo summer
story
story foo
story add
story add summer
story add summer ''
story add summer good.bmp ''
story add '' good.bmp
story add summer --text ''
story add summer --title ''
story add summer --title ' ' --text ' '
story add summer --title LONG
story add summer --title CUT
story add summer --text CUT
story add summer --to ''  good.bmp
story add summer --to nope
story add summer --to nope --title x good.bmp
story add summer --to nope --text x good.bmp
story add summer -rf.bmp
story add summer --nope good.bmp
--as bad story add summer --title x
--as '' story add summer --title x
--as CUT story add summer --title x
story list
story list ''
story show
story show ''
story show nope --save ''
story edit nope
story edit '' --title x
story edit nope --caption unclear
story edit nope --title CUT
story remove ''
story remove nope --medium ''
delete
delete ''
delete summer
open
open ''
montage
montage make
montage make ''
montage make summer --length -5
montage make summer --length abc
montage make summer --length ''
montage make summer --length nan
montage make summer --length inf
montage make summer --music jazz
montage make summer --story ''
montage make summer --soundtrack ''
montage list ''
montage save nope
montage save nope ''
montage save '' x.mp4
montage save nope dir
montage save nope good.bmp
montage cancel
montage cancel ''
montage retry
montage retry ''
join
join ''
reschedule summer
reschedule summer ''
reschedule summer never
reschedule summer 2020-01-01
reschedule summer 2030-01-01
reschedule summer +10y --zone X
reschedule summer +10y --zone ''
reschedule summer CUT
consent
consent summer --yes --no
member
member role summer
member role summer ada
member role summer ada king
member role summer ada ''
member role summer '' owner
member remove summer '' --yes
member list ''
leave
leave ''
remind ''
edit summer
edit summer --title ''
edit summer --title LONG
edit summer --theme gold
edit summer --film-photos abc
edit summer --film-photos 0
edit summer --film-photos -1
edit summer --cover ''
edit summer --soundtrack x.mp3 --music museum
edit '' --title x
render
render good.bmp
render -o x.mp4
render '' -o x.mp4
render good.bmp '' -o x.mp4
render good.bmp -o ''
render good.bmp -o /nonexist/x.mp4
render good.bmp -o dir
render good.bmp -o x.txt
render good.bmp -o x
render good.bmp -o x.mkv
render good.bmp -o .
render good.bmp -o /
render good.bmp -o good.bmp
render good.bmp -o good.bmp --force
render film.mp4 -o film.mp4 --force
render film.mp4 -o hard.mp4 --force
render film.mp4 -o soft.mp4 --force
render . -o film.mp4 --force
render good.bmp -o there.mp4 --soundtrack there.mp4 --force
render good.bmp -o x.mp4 --plan good.bmp --force
render good.bmp -o x.mp4 --plan x.mp4
render good.bmp -o x.mp4 --plan /nonexist/p.json
render good.bmp -o x.mp4 --plan dir
render good.bmp -o x.mp4 --plan ''
render good.bmp -o x.mp4 --from-plan nope.json
render good.bmp -o x.mp4 --from-plan bin.dat
render good.bmp -o x.mp4 --from-plan empty.jpg
render good.bmp -o x.mp4 --from-plan dir
render good.bmp -o x.mp4 --from-plan ''
render good.bmp -o there.mp4
render good.bmp -o x.mp4 --size 1x1
render good.bmp -o x.mp4 --size 99999x99999
render good.bmp -o x.mp4 --size abc
render good.bmp -o x.mp4 --size ''
render good.bmp -o x.mp4 --fps 0
render good.bmp -o x.mp4 --fps -1
render good.bmp -o x.mp4 --fps 61
render good.bmp -o x.mp4 --fps ten
render good.bmp -o x.mp4 --length 0
render good.bmp -o x.mp4 --length 4
render good.bmp -o x.mp4 --length 1e9
render good.bmp -o x.mp4 --length long
render good.bmp -o x.mp4 --length ''
render good.bmp -o x.mp4 --theme x
render good.bmp -o x.mp4 --theme ''
render good.bmp -o x.mp4 --title CUT
render good.bmp -o x.mp4 --soundtrack ''
mail
mail test
mail test bad
mail test ''
mail test a@example.org --locale ''
mail retry ''
token
token create
token create ''
token create ' '
token create x --scope all
token create x --scope ''
token end ''
login-link bad
login-link ''
--config '' list
list --config ''
--lang '' list
--lang xx list
key
key recover --recovery-file ''
key recover --recovery-file /dev/null
key recover --recovery-file empty.jpg
init --yes --admin ''
init --yes --name ''
init --yes --recovery-file ''
init --yes --recovery-recipient ''
init --yes --recovery-recipient age1x --recovery-file x.key
daemon --port abc
daemon --port 80x
daemon --port ''
daemon --host ''
--nope
list --nope
list list
list --json=1
''
-x list
"""

FAILED = """
create T --opens +10y --cover nope.jpg
create T --opens +10y --cover dir
create T --opens +10y --cover rnd.jpg
create T --opens +10y --cover empty.jpg
create T --opens +10y --cover pipe.jpg
create T --opens +10y --cover /dev/null
create T --opens +10y --cover loop1
create T --opens +10y --soundtrack x.mp3
create T --opens +10y --soundtrack good.bmp
create T --opens +10y --soundtrack pipe.jpg
edit summer --soundtrack /dev/null
edit summer --cover x.mp3
story add summer nope.jpg
story add summer LONG
story add summer dirempty
story add summer dirempty dirempty
story add summer bin.dat
story add summer rnd.jpg
story add summer empty.jpg
story add summer loop1
story add summer loops
story add summer pipe.jpg
story add summer /dev/null
story add summer /dev/zero
story add summer CUT
render nope -o x.mp4
render dirempty -o x.mp4
render loops -o x.mp4
render good.bmp -o x.mp4 --soundtrack nope.mp3
render good.bmp -o x.mp4 --soundtrack dir
render good.bmp -o x.mp4 --soundtrack pipe.jpg
montage save nope /nonexist/x.mp4
"""

NOT_FOUND = """
show nope
show ' '
show ../../etc
show LONG
show 'the summer'
show 00000000-0000-0000-0000-000000000000
show 😀
show "'; DROP TABLE capsule; --"
story list nope
story add summer --to nope good.bmp
story add nope good.bmp
story add nope --title x
--as nobody@example.org story add summer --title x
story show nope
story show nope --save kept
story edit nope --title x
story remove nope
story remove nope --yes
delete nope --yes
open nope
montage make nope
montage list nope
montage save nope x.mp4
montage cancel nope
montage retry nope
join nope
join http://example.org/
join http://127.0.0.1:8484/g/i/short
join LONG
consent summer --yes
consent nope
member role summer nobody owner
member remove summer nobody --yes
member list nope
leave nope --yes
remind nope
edit nope --title x
reschedule nope +12y
invite nope a@example.org
invite summer never@example.org --revoke
mail retry nope
token end nope
login-link nobody@example.org
"""

SEALED = """
open summer
montage make summer
montage list summer
"""

CONFIGURATION = """
--config nope.toml list
--config dir list
--config bin.dat list
--config good.bmp config check
--config loop1 list
key recover --recovery-file nope
key recover --recovery-file good.bmp
key recover --recovery-file dir
init --yes
daemon --port -1
daemon --port 99999
"""

NOT_ALLOWED = """
invite summer ada@example.org
member remove summer ada --yes
leave summer --yes
--as ada@example.org list
--as ada@example.org edit summer --title x
--as ada@example.org render good.bmp -o x.mp4
"""

ALL = {2: USAGE, 1: FAILED, 3: NOT_FOUND, 4: SEALED, 7: CONFIGURATION, 8: NOT_ALLOWED}
