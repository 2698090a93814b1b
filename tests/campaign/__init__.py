"""Files that somebody damaged or made to harm, ten thousand of them, through every door: ``make campaign``.

``mutate`` changes files, ``seeds`` makes the sound ones, ``doors`` are what reads them, ``worker`` is the process that
lets them in and tells what happened, ``run`` draws the cases, starts workers again where one was lost, and prints the
table. A case is its number: the same number is the same file through the same door.
"""
