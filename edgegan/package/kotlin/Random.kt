package edgegan

import java.math.BigInteger
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.ln
import kotlin.math.ln1p
import kotlin.math.sqrt

/** The words by which NumPy's SeedSequence([seed, index]) seeds. */
class SeedSequence(private val entropy: List<Long>, private val spawnKey: List<Int> = emptyList()) {
    private val pool = IntArray(4)
    private var spawned = 0

    init {
        val words = entropy.flatMap { if (it ushr 32 == 0L) listOf(it.toInt()) else listOf(it.toInt(), (it ushr 32).toInt()) }.toMutableList()
        if (spawnKey.isNotEmpty()) {
            while (words.size < pool.size) words.add(0)
            words.addAll(spawnKey)
        }
        mixIn(words)
    }

    fun spawn() = SeedSequence(entropy, spawnKey + spawned++)

    fun state(): List<Long> {
        var constant = 0x8b51f9ddL.toInt()
        val halves = List(8) { i ->
            var word = pool[i % pool.size] xor constant
            constant *= 0x58f38ded
            word *= constant
            (word xor (word ushr 16)).toLong() and 0xffffffffL
        }
        return List(4) { halves[2 * it] or (halves[2 * it + 1] shl 32) }
    }

    private fun mixIn(words: List<Int>) {
        var constant = 0x43b0d7e5
        fun hash(value: Int): Int {
            var word = value xor constant
            constant *= 0x931e8875L.toInt()
            word *= constant
            return word xor (word ushr 16)
        }
        fun mix(x: Int, y: Int): Int {
            val word = 0xca01f9ddL.toInt() * x - 0x4973f715 * y
            return word xor (word ushr 16)
        }
        for (i in pool.indices) pool[i] = hash(words.getOrElse(i) { 0 })
        for (from in pool.indices) for (to in pool.indices) if (from != to) pool[to] = mix(pool[to], hash(pool[from]))
        for (word in words.drop(pool.size)) for (to in pool.indices) pool[to] = mix(pool[to], hash(word))
    }
}

/** PCG64 (O'Neill 2014) and the ziggurat of 256 layers (Marsaglia and Tsang 2000), as NumPy draws. */
class Random(private val sequence: SeedSequence) {
    private val increment: BigInteger
    private var value = BigInteger.ZERO
    private var half: Long? = null

    init {
        val words = sequence.state()
        increment = wide(words[2], words[3]).shiftLeft(1).or(BigInteger.ONE).and(MASK)
        step()
        value = value.add(wide(words[0], words[1])).and(MASK)
        step()
    }

    fun spawn() = Random(sequence.spawn())

    fun bits64(): Long {
        step()
        val folded = value.shiftRight(64).toLong() xor value.toLong()
        return java.lang.Long.rotateRight(folded, value.shiftRight(122).toInt())
    }

    private fun bits32(): Long {
        half?.let {
            half = null
            return it
        }
        val drawn = bits64()
        half = drawn ushr 32
        return drawn and 0xffffffffL
    }

    fun uniform() = (bits64() ushr 11).toDouble() / (1L shl 53).toDouble()

    fun normal(): Double {
        while (true) {
            val drawn = bits64()
            val layer = (drawn and 255).toInt()
            val distance = (drawn ushr 9) and ((1L shl 52) - 1)
            var found = distance.toDouble() * WIDTH[layer]
            if ((drawn ushr 8) and 1 == 1L) found = -found
            if (distance.toDouble() < INNER[layer]) return found
            if (layer == 0) {
                while (true) {
                    val x = -ln1p(-uniform()) / TAIL
                    val y = -ln1p(-uniform())
                    if (y + y > x * x) return if ((distance ushr 8) and 1 == 1L) -(TAIL + x) else TAIL + x
                }
            }
            if ((HEIGHT[layer - 1] - HEIGHT[layer]) * uniform() + HEIGHT[layer] < exp(-0.5 * found * found)) return found
        }
    }

    /** A whole number from 0 to below [count] (Lemire 2019). */
    fun below(count: Int): Int {
        if (count == 1) return 0
        var product = bits32() * count
        if (product and 0xffffffffL < count) {
            val least = (0xffffffffL - (count - 1)) % count
            while (product and 0xffffffffL < least) product = bits32() * count
        }
        return (product ushr 32).toInt()
    }

    private fun step() {
        value = value.multiply(MULTIPLIER).add(increment).and(MASK)
    }

    private companion object {
        const val TAIL = 3.6541528853610087963519472518
        val MASK: BigInteger = BigInteger.ONE.shiftLeft(128) - BigInteger.ONE
        val MULTIPLIER = BigInteger("2360ed051fc65da44385df649fccf645", 16)
        val INNER = DoubleArray(256)
        val WIDTH = DoubleArray(256)
        val HEIGHT = DoubleArray(256)

        init {
            val area = 0.0049286732339746519
            val unit = (1L shl 52).toDouble()
            var edge = TAIL
            WIDTH[255] = edge / unit
            HEIGHT[255] = exp(-0.5 * edge * edge)
            INNER[0] = floor(edge * HEIGHT[255] / area * unit)
            WIDTH[0] = area / HEIGHT[255] / unit
            HEIGHT[0] = 1.0
            for (i in 254 downTo 1) {
                val next = sqrt(-2 * ln(area / edge + HEIGHT[i + 1]))
                INNER[i + 1] = floor(next / edge * unit)
                WIDTH[i] = next / unit
                HEIGHT[i] = exp(-0.5 * next * next)
                edge = next
            }
            INNER[1] = 0.0
        }

        fun wide(high: Long, low: Long): BigInteger = unsigned(high).shiftLeft(64).or(unsigned(low))

        fun unsigned(value: Long): BigInteger = BigInteger(java.lang.Long.toUnsignedString(value))
    }
}
