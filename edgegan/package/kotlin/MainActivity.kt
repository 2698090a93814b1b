package edgegan

import android.app.Activity
import android.os.Bundle
import android.widget.ImageView

/** Shows a sample; touch it for the next. */
class MainActivity : Activity() {
    private var seed = 0L

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val generator = Generator(this)
        val view = ImageView(this)
        view.contentDescription = "a picture that the generator draws"
        view.setImageBitmap(generator.sample(seed))
        view.setOnClickListener { view.setImageBitmap(generator.sample(++seed)) }
        setContentView(view)
    }
}
