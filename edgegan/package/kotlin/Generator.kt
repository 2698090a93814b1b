package edgegan

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.roundToInt

/** The artifact of [Artifact] on the device: samples by seed as Python's, or a picture translated. Close it at the end. */
class Generator(context: Context, accelerator: Accelerator = Accelerator.CPU) : AutoCloseable {
    private val model = CompiledModel.create(context.assets, Artifact.FILE, CompiledModel.Options(accelerator))
    private val inputs = model.createInputBuffers()
    private val outputs = model.createOutputBuffers()

    /** Values of every input for one batch, in the order of [Artifact.INPUTS], in; the output's values out. */
    fun run(values: List<FloatArray>): FloatArray {
        values.forEachIndexed { index, own ->
            if (Artifact.INPUTS[index].kind == "label") inputs[index].writeLong(LongArray(own.size) { own[it].toLong() })
            else inputs[index].writeFloat(own)
        }
        model.run(inputs, outputs)
        return outputs[0].readFloat()
    }

    fun sample(seed: Long): Bitmap = toBitmap(run(Artifact.INPUTS.mapIndexed { index, input -> drawn(input, seed, index) }))

    /** A picture of any size, brought to the artifact's. */
    fun translate(picture: Bitmap, seed: Long = 0): Bitmap = toBitmap(run(Artifact.INPUTS.mapIndexed { index, input ->
        if (input.kind == "image") toFloat(picture, input) else drawn(input, seed, index)
    }))

    override fun close() {
        (inputs + outputs).forEach { it.close() }
        model.close()
    }

    private fun drawn(input: Input, seed: Long, index: Int): FloatArray {
        val random = Random(SeedSequence(listOf(seed, index.toLong())))
        val size = Artifact.BATCH * input.shape.fold(1) { all, side -> all * side }
        if (input.kind == "latent") return if (input.truncation > 0) truncated(random, size, input.truncation) else FloatArray(size) { random.normal().toFloat() }
        val classes = IntArray(Artifact.BATCH) { random.below(input.classes) }
        if (input.kind == "label") return FloatArray(Artifact.BATCH) { classes[it].toFloat() }
        return FloatArray(size).also { for ((row, own) in classes.withIndex()) it[row * input.classes + own] = 1f }
    }

    private fun truncated(random: Random, size: Int, limit: Double): FloatArray {
        val values = FloatArray(size)
        val missing = BooleanArray(size) { true }
        while (missing.any { it }) {
            val proposals = random.spawn()
            val chances = random.spawn()
            for (i in 0 until size) {
                val proposed = if (limit < 1) -limit + 2 * limit * proposals.uniform() else proposals.normal()
                val accepted = if (limit < 1) chances.uniform() < exp(-proposed * proposed / 2) else abs(proposed) <= limit
                if (missing[i] && accepted) {
                    values[i] = proposed.toFloat()
                    missing[i] = false
                }
            }
        }
        return values
    }

    private fun toFloat(picture: Bitmap, input: Input): FloatArray {
        val (channels, height, width) = input.shape
        val pixels = IntArray(height * width)
        Bitmap.createScaledBitmap(picture, width, height, true).getPixels(pixels, 0, width, 0, 0, width, height)
        val scale = ((input.high - input.low) / 255).toFloat()
        return FloatArray(channels * pixels.size) {
            val pixel = pixels[it % pixels.size]
            val shown = if (channels == 1) (0.299 * (pixel shr 16 and 255) + 0.587 * (pixel shr 8 and 255) + 0.114 * (pixel and 255)).roundToInt()
            else pixel shr 16 - 8 * (it / pixels.size) and 255
            shown * scale + input.low.toFloat()
        }
    }

    private fun toBitmap(values: FloatArray): Bitmap {
        val places = Artifact.HEIGHT * Artifact.WIDTH
        val scale = (255 / (Artifact.HIGH - Artifact.LOW)).toFloat()
        fun level(channel: Int, place: Int) = ((values[minOf(channel, Artifact.CHANNELS - 1) * places + place] - Artifact.LOW.toFloat()) * scale).roundToInt().coerceIn(0, 255)
        val pixels = IntArray(places) { 255 shl 24 or (level(0, it) shl 16) or (level(1, it) shl 8) or level(2, it) }
        return Bitmap.createBitmap(pixels, Artifact.WIDTH, Artifact.HEIGHT, Bitmap.Config.ARGB_8888)
    }
}
